# SPDX-License-Identifier: Apache-2.0
# make            build into build/
# make demo       install packages, build, run the order-management demo (DEMO_SECONDS=n to end it)
# make test       install packages, build twice (plain; ASan+UBSan), run every test, two at a time
# make check-models   the protocols as Promela models, exhaustively
# make soak       a kill-loop with an oracle: SECONDS=n SEED=s
# make bench      measure, beside other libraries and the bare limits; minutes. bench-full: up to an hour
# make bench-report   docs/benchmarks.md from the last run
# make lint       format, include arrows, header self-containment, clang-tidy, cppcheck
# make format     bring C files to the format
# make install    PREFIX=/usr/local
#
# One rule builds each kind of thing; a folder's sources are its *.c. BUILD and SANITIZE name a variant:
#   make BUILD=build/asan SANITIZE=address,undefined

PREFIX ?= /usr/local
BUILD ?= build
SANITIZE ?=
CC = gcc
VERSION := $(shell sed -n 's/^.define MUSTER_VERSION "\(.*\)"/\1/p' include/muster/muster.h)

WARN = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef -Wconversion -Wno-sign-conversion
CFLAGS ?= -O2 -g
ALL_CFLAGS = -std=gnu11 $(CFLAGS) $(WARN) -fvisibility=hidden -ffunction-sections -fdata-sections \
             -fno-semantic-interposition -D_GNU_SOURCE -Iinclude -I. $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-omit-frame-pointer -fno-sanitize-recover=all) $(if $(SANITIZE)$(NO_JEMALLOC),-DMUSTER_NO_JEMALLOC)
ALL_LDFLAGS = $(LDFLAGS) -Wl,--gc-sections $(if $(SANITIZE),-fsanitize=$(SANITIZE))
# jemalloc and a sanitizer both want to be the allocator. NO_JEMALLOC=1 leaves it out, for bench/served.
MASTER_LIBS = -luv -lhttp_parser -ldeflate -lssl -lcrypto -lyaml -lcrypt $(if $(SANITIZE)$(NO_JEMALLOC),,-ljemalloc)

shm_src := $(wildcard shm/*.c)
runtime_src := $(filter-out runtime/main.c,$(wildcard runtime/*.c))
unit_src := $(wildcard tests/unit/*.c)
bench_src := $(wildcard bench/*.c)
demo := examples/order_mgmt
obj = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
pic = $(patsubst %.c,$(BUILD)/pic/%.o,$(1))

unit_bin := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(unit_src))
bench_bin := $(patsubst bench/%.c,$(BUILD)/bench/%,$(bench_src))

.PHONY: all demo test bench bench-full bench-report lint format install clean packages unit twin soak check-models
all: $(BUILD)/libmuster.a $(BUILD)/libmuster.so $(BUILD)/libmuster-master.a $(BUILD)/muster \
     $(BUILD)/order_mgmt $(BUILD)/order_load

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<
$(BUILD)/pic/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -fPIC -MMD -MP -c -o $@ $<

$(BUILD)/libmuster.a: $(call pic,$(shm_src))
	rm -f $@ && ar rcs $@ $^
# nodelete: exited threads call back into the library after a dlclose.
$(BUILD)/libmuster.so: $(call pic,$(shm_src)) shm/libmuster.map
	$(CC) -shared -o $@ $(call pic,$(shm_src)) $(ALL_LDFLAGS) -Wl,-soname,libmuster.so.0 -Wl,-z,nodelete,-z,relro,-z,now -Wl,--version-script=shm/libmuster.map
	ln -sf libmuster.so $(BUILD)/libmuster.so.0
$(BUILD)/libmuster-master.a: $(call obj,$(runtime_src))
	rm -f $@ && ar rcs $@ $^

$(BUILD)/muster: $(call obj,runtime/main.c) $(BUILD)/libmuster-master.a $(BUILD)/libmuster.a
	$(CC) -o $@ $^ $(ALL_LDFLAGS) $(MASTER_LIBS) -lpthread
$(BUILD)/order_mgmt: $(call obj,$(filter-out $(demo)/load%.c,$(wildcard $(demo)/*.c))) $(BUILD)/libmuster-master.a \
                     $(BUILD)/libmuster.a
	$(CC) -o $@ $^ $(ALL_LDFLAGS) $(MASTER_LIBS) -luring -lpthread
# The load generator waits with the service's loops.
$(BUILD)/order_load: $(call obj,$(wildcard $(demo)/load*.c $(demo)/loop*.c))
	$(CC) -o $@ $^ $(ALL_LDFLAGS) -lhttp_parser -luring

$(BUILD)/tests/%: $(BUILD)/obj/tests/unit/%.o $(BUILD)/libmuster.a
	@mkdir -p $(@D)
	$(CC) -o $@ $^ $(ALL_LDFLAGS) -lcmocka -lpthread -lm
$(BUILD)/tests/test_web_config: override LDFLAGS += -lyaml
$(BUILD)/tests/test_process_files: $(call obj,runtime/process_files.c runtime/members.c runtime/oom.c)
$(BUILD)/tests/test_draw: $(call obj,runtime/draw.c)
$(BUILD)/tests/test_handover: $(call obj,runtime/handover.c runtime/program.c runtime/log.c)
# Loops of one to two cycles are compared: where they begin must not decide.
$(BUILD)/obj/bench/%.o: private ALL_CFLAGS += -falign-loops=32
$(BUILD)/bench/%: $(BUILD)/obj/bench/%.o $(BUILD)/obj/bench/common/bench.o $(BUILD)/obj/bench/common/limit.o $(BUILD)/libmuster.a
	@mkdir -p $(@D)
	$(CC) -o $@ $^ $(ALL_LDFLAGS) -ldeflate -lpthread -lm
# Our own harnesses; those of other libraries: bench/peers/build.
$(BUILD)/peers/muster $(BUILD)/peers/limit: $(BUILD)/peers/%: $(BUILD)/obj/bench/peers/%/harness.o $(BUILD)/obj/bench/common/limit.o $(BUILD)/libmuster.a
	@mkdir -p $(@D)
	$(CC) -o $@ $^ $(ALL_LDFLAGS)
$(BUILD)/instructions/recorders: $(BUILD)/obj/bench/instructions/recorders.o $(BUILD)/libmuster.a
	@mkdir -p $(@D)
	$(CC) -o $@ $^ $(ALL_LDFLAGS)
$(BUILD)/soak: $(call obj,tests/soak/soak.c bench/common/master.c) $(BUILD)/libmuster.a | $(BUILD)/muster
	$(CC) -o $@ $^ $(ALL_LDFLAGS) -lpthread -lm
$(BUILD)/bench/procfs: override LDFLAGS += -luring
$(BUILD)/bench/churn $(BUILD)/bench/worker: $(BUILD)/obj/bench/common/master.o | $(BUILD)/muster

# Writer and reader as threads over one mapping, for TSan: make twin BUILD=build/tsan SANITIZE=thread
# tests/twin/weaken puts TWIN_OBJECT, a changed file of the library, before it.
TWIN = $(BUILD)/twin
TWIN_OBJECT =
twin_wraps = own_slab_map slab_back bank_borrow bank_return
$(TWIN): $(TWIN_OBJECT) $(call obj,tests/twin/twin.c) $(BUILD)/libmuster.a
	$(CC) -o $@ $^ $(ALL_LDFLAGS) -Wl,--wrap=munmap $(twin_wraps:%=-Wl,--wrap=muster__%) -lpthread
twin: $(TWIN)

packages:
	tools/install-packages
unit: $(unit_bin)

demo: packages
	$(MAKE) all
	examples/order_mgmt/demo $(BUILD)
test: packages
	$(MAKE) all unit $(BUILD)/bench/churn $(BUILD)/soak
	$(MAKE) all unit BUILD=build/asan SANITIZE=address,undefined
	$(MAKE) twin BUILD=build/tsan SANITIZE=thread
	tests/run
# Packages of peers that cannot be had are no error: who is missing is named in the results.
bench bench-full: packages
	tools/install-packages bench || true
	$(MAKE) all $(bench_bin) $(BUILD)/peers/muster $(BUILD)/peers/limit $(BUILD)/instructions/recorders
	$(MAKE) $(BUILD)/libc-malloc/muster BUILD=$(BUILD)/libc-malloc NO_JEMALLOC=1
	bench/run $(BUILD) $(if $(filter %-full,$@),full)
bench-report: packages
	tools/install-packages bench || true
	bench/report $(BUILD)/bench.jsonl docs
SECONDS ?= 60
SEED ?= $(shell date +%s)
soak: packages
	$(MAKE) all $(BUILD)/soak
	$(BUILD)/soak $(BUILD)/muster $(SECONDS) $(SEED)
check-models: packages
	tests/models/run
lint: packages
	tools/lint
format:
	clang-format -i $$(git ls-files '*.c' '*.h' '*.cc')

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/pkgconfig $(DESTDIR)$(PREFIX)/include/muster
	install -m 755 $(BUILD)/muster $(DESTDIR)$(PREFIX)/bin/
	install -m 644 include/muster/*.h $(DESTDIR)$(PREFIX)/include/muster/
	install -m 644 $(BUILD)/libmuster.a $(BUILD)/libmuster-master.a $(DESTDIR)$(PREFIX)/lib/
	install -m 755 $(BUILD)/libmuster.so $(DESTDIR)$(PREFIX)/lib/libmuster.so.$(VERSION)
	ln -sf libmuster.so.$(VERSION) $(DESTDIR)$(PREFIX)/lib/libmuster.so.0
	ln -sf libmuster.so.0 $(DESTDIR)$(PREFIX)/lib/libmuster.so
	for pc in muster muster-master; do \
		sed 's|@PREFIX@|$(PREFIX)|;s|@VERSION@|$(VERSION)|' $$pc.pc.in >$(DESTDIR)$(PREFIX)/lib/pkgconfig/$$pc.pc; done
clean:
	rm -rf build

-include $(shell find $(BUILD)/obj $(BUILD)/pic -name '*.d' 2>/dev/null)

# ---- fuzzing and hostile slabs: tests/fuzz/fuzz_NAME.c and the seeds in tests/corpus/NAME; see tests/corpus/README.md
# make fuzz        libFuzzer (clang), FUZZ_SECONDS each; make fuzz-afl: AFL++ likewise
# make valgrind    the corpus under memcheck
# make coverage    branches of the slab reader
FUZZ_SECONDS ?= 20
FUZZ_WORK ?= build/fuzz-work
fuzz_names := slab ledger http exposition import web
fuzz_lib := packed page region_fuzz
FUZZ_DRIVER ?= replay
comma := ,
fuzz_bin := $(fuzz_names:%=$(BUILD)/fuzz/%)

.PHONY: fuzzers fuzz fuzz-afl valgrind coverage
unit fuzzers: $(fuzz_bin) $(BUILD)/fuzz/make_corpus
$(BUILD)/tests/test_hostile: $(BUILD)/obj/tests/fuzz/packed.o
$(BUILD)/tests/test_hostile_memory: override LDFLAGS += $(patsubst %,-Wl$(comma)--wrap=%,malloc calloc realloc strdup mmap mremap)
$(BUILD)/tests/test_quantiles $(BUILD)/tests/test_quantiles_region: override LDFLAGS += -Wl,--wrap=clock_gettime
$(BUILD)/tests/test_import: override LDFLAGS += -Wl,--wrap=fstat
$(BUILD)/tests/test_import_folded: override LDFLAGS += -Wl,--wrap=renameat2

# The driver is replay.o, or the fuzzing engine, which comes with its own main().
$(BUILD)/fuzz/%: $(BUILD)/obj/tests/fuzz/fuzz_%.o $(fuzz_lib:%=$(BUILD)/obj/tests/fuzz/%.o) \
                 $(if $(filter replay,$(FUZZ_DRIVER)),$(BUILD)/obj/tests/fuzz/replay.o) \
                 $(BUILD)/libmuster-master.a $(BUILD)/libmuster.a
	@mkdir -p $(@D)
	$(CC) -o $@ $^ $(ALL_LDFLAGS) $(if $(filter replay,$(FUZZ_DRIVER)),,$(FUZZ_DRIVER)) -lhttp_parser -lyaml -lcrypto -lcmocka -lm
$(BUILD)/fuzz/slab $(BUILD)/fuzz/ledger: $(BUILD)/obj/tests/fuzz/slab_mutator.o
$(BUILD)/fuzz/make_corpus: $(patsubst %,$(BUILD)/obj/tests/fuzz/%.o,make_corpus slab_cases odd_cases native_cases exemplar_cases ledger_cases seeds packed) \
                           $(BUILD)/libmuster.a
	@mkdir -p $(@D)
	$(CC) -o $@ $^ $(ALL_LDFLAGS) -lcmocka

fuzz:
	$(MAKE) fuzzers BUILD=build/libfuzzer CC=clang SANITIZE=fuzzer-no-link,address,undefined FUZZ_DRIVER=-fsanitize=fuzzer
	tests/fuzz/run libfuzzer build/libfuzzer/fuzz $(FUZZ_WORK) $(FUZZ_SECONDS) $(fuzz_names)
fuzz-afl:
	$(MAKE) fuzzers BUILD=build/afl CC=afl-clang-fast FUZZ_DRIVER=-fsanitize=fuzzer
	tests/fuzz/run afl build/afl/fuzz $(FUZZ_WORK)-afl $(FUZZ_SECONDS) $(fuzz_names)
valgrind:
	$(MAKE) unit
	tests/fuzz/run valgrind $(BUILD)/fuzz - - $(fuzz_names)
	valgrind --quiet --error-exitcode=9 $(BUILD)/tests/test_slab_read
coverage:
	tools/coverage
