// SPDX-License-Identifier: Apache-2.0
/** A cache whose values the Linux kernel may take back when memory is short. */
@NullMarked
package org.ashmem.cache;

import org.jspecify.annotations.NullMarked;
