// SPDX-License-Identifier: Apache-2.0
/** Anonymous shared memory whose unpinned pages the Linux kernel may take back. */
@SuppressWarnings("requires-automatic") // Micrometer has no descriptor of a module
module org.ashmem {
  requires static jdk.jfr;
  requires static micrometer.core;
  requires static org.jspecify;
  requires static org.newsclub.net.unix;

  exports org.ashmem;
  exports org.ashmem.android;
  exports org.ashmem.micrometer;
}
