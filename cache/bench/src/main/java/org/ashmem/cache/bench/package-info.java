// SPDX-License-Identifier: Apache-2.0
/** Compares the cache with other caches: speed without pressure, and hit rate by size on traces. */
@NullMarked
package org.ashmem.cache.bench;

import org.jspecify.annotations.NullMarked;
