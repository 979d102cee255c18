// SPDX-License-Identifier: Apache-2.0
/**
 * Caches in a container that is too small for all who use it: {@link
 * org.ashmem.cache.bench.container.Load} asks one cache, and {@link
 * org.ashmem.cache.bench.container.Report} prints what came of all of them.
 */
@NullMarked
package org.ashmem.cache.bench.container;

import org.jspecify.annotations.NullMarked;
