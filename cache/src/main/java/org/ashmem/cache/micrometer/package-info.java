// SPDX-License-Identifier: Apache-2.0
/**
 * Meters of caches for Micrometer. Only this package needs {@code io.micrometer:micrometer-core}. A
 * program that uses the package must add this dependency itself.
 */
@NullMarked
package org.ashmem.cache.micrometer;

import org.jspecify.annotations.NullMarked;
