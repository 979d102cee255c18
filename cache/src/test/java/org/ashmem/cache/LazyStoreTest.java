// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache;

/** Lazily freed memory, which any Linux has. */
class LazyStoreTest extends StoreCases {
  @Override
  Store store() {
    return Store.LAZY;
  }

  @Override
  int reads() {
    return 5_000_000;
  }
}
