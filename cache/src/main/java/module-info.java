// SPDX-License-Identifier: Apache-2.0
/** A cache whose values the Linux kernel may take back when memory is short. */
@SuppressWarnings("requires-automatic") // Micrometer has no module descriptor
module org.ashmem.cache {
  exports org.ashmem.cache;
  exports org.ashmem.cache.micrometer;

  requires transitive com.github.benmanes.caffeine;
  requires static micrometer.core;
  requires org.apache.commons.lang3;
  requires transitive org.ashmem;
  requires static transitive org.jspecify;
}
