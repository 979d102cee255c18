// SPDX-License-Identifier: Apache-2.0
/**
 * Hibernate's second-level cache in memory that the kernel may take back: {@link
 * org.ashmem.cache.hibernate.PurgeableRegionFactory}.
 */
@NullMarked
package org.ashmem.cache.hibernate;

import org.jspecify.annotations.NullMarked;
