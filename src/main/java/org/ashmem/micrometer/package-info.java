// SPDX-License-Identifier: Apache-2.0
/**
 * Regions in the meters of Micrometer. The only package that needs {@code
 * io.micrometer:micrometer-core}, which is to be added by who uses it.
 */
@NullMarked
package org.ashmem.micrometer;

import org.jspecify.annotations.NullMarked;
