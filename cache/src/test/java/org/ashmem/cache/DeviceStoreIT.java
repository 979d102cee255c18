// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache;

/** Regions on the device. */
class DeviceStoreIT extends StoreCases {
  @Override
  Store store() {
    return Store.DEVICE;
  }
}
