# SPDX-License-Identifier: Apache-2.0
#
# The parts of ./run test, and the parts that each one needs. The goals are the
# parts to run, the longest first. A part records its own failures as results,
# so make sees none.
#
#	make -f parts.mk -jJOBS RUN=COMMAND NEWEST=KERNEL BOX=KERNEL PART...
#
# The part asan also builds what the guests of um and NEWEST run. The machine that
# Vagrant makes runs the C programs of BOX.

MAKEFLAGS += -r

build-%:
	@$(RUN) $@

library:
	@$(RUN) $@

jar musl arm64 asan races repository: library
	@$(RUN) $@

ranges:
	@$(RUN) $@

guest-%: build-% library
	@$(RUN) $@

guest-um guest-$(NEWEST): asan
guest-arm64: arm64
build-vagrant: build-$(BOX)

.PHONY: library jar musl arm64 asan races repository ranges
