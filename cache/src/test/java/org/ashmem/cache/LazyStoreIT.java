// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache;

/** Lazily freed memory of each kernel that has a guest. */
class LazyStoreIT extends StoreCases {
  @Override
  Store store() {
    return Store.LAZY;
  }
}
