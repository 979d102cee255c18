// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache;

/** Regions on memfd. */
class MemfdStoreTest extends StoreCases {
  @Override
  Store store() {
    return Store.MEMFD;
  }

  @Override
  int reads() {
    return 5_000_000;
  }
}
