/* SPDX-License-Identifier: Apache-2.0 */
/* cxx.cc - the formatters of C++ behind C functions. */
#include "numbers.h"

#include <charconv>
#ifdef WITH_FMT
#define FMT_HEADER_ONLY
#include <fmt/format.h>
#endif

size_t number_to_chars(char *out, double x)
{
	return static_cast<size_t>(std::to_chars(out, out + 32, x).ptr - out);
}

#ifdef WITH_FMT
size_t number_fmt(char *out, double x)
{
	return static_cast<size_t>(fmt::format_to(out, "{}", x) - out);
}
#endif
