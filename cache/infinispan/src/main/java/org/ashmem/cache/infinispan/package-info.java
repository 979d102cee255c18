// SPDX-License-Identifier: Apache-2.0
/**
 * A near cache of Infinispan's Hot Rod client whose values lie in memory that the kernel may take
 * back: {@link org.ashmem.cache.infinispan.PurgeableNearCacheFactory}.
 */
@NullMarked
package org.ashmem.cache.infinispan;

import org.jspecify.annotations.NullMarked;
