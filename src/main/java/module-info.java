// SPDX-License-Identifier: Apache-2.0
/** Anonymous shared memory whose unpinned pages the Linux kernel may take back. */
module org.ashmem {
  requires static jdk.jfr;
  requires static org.jspecify;

  exports org.ashmem;
}
