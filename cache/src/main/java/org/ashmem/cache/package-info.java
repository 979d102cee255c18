// SPDX-License-Identifier: Apache-2.0
/**
 * A cache that gives its memory back before anybody is killed, on any Linux.
 *
 * <p>{@link org.ashmem.cache.PurgeableCache} is the cache; {@link org.ashmem.cache.Store} says in
 * which memory its values are; {@link org.ashmem.cache.SpillCache} puts one behind Caffeine.
 */
@NullMarked
package org.ashmem.cache;

import org.jspecify.annotations.NullMarked;
