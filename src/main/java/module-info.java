// SPDX-License-Identifier: Apache-2.0
/** Anonymous shared memory whose unpinned pages the Linux kernel may take back. */
module org.ashmem {
  requires static org.jspecify;

  exports org.ashmem;
  exports org.ashmem.android;
}
