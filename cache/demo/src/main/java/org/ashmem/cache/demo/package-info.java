// SPDX-License-Identifier: Apache-2.0
/**
 * The cache at work in a container: a server of tiles, processes beside it that need memory, and a
 * page that shows how its memory is divided. {@code ./run demo cache} starts it.
 */
@NullMarked
package org.ashmem.cache.demo;

import org.jspecify.annotations.NullMarked;
