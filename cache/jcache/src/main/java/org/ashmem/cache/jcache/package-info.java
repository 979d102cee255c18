// SPDX-License-Identifier: Apache-2.0
/**
 * A provider of JCache (JSR-107, {@code javax.cache}) whose values lie in memory that the kernel
 * may take back.
 *
 * <p>{@link org.ashmem.cache.jcache.PurgeableCachingProvider} says what its caches promise; {@link
 * org.ashmem.cache.jcache.PurgeableConfiguration} configures one of them.
 */
@NullMarked
package org.ashmem.cache.jcache;

import org.jspecify.annotations.NullMarked;
