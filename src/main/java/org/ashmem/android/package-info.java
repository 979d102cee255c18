// SPDX-License-Identifier: Apache-2.0
/**
 * Android's classes for shared memory, implemented on {@link org.ashmem}. A program that was
 * written for {@code android.os} and {@code android.system} imports these classes instead.
 *
 * <p>{@link org.ashmem.android.SharedMemory} is memory that processes share. {@link
 * org.ashmem.android.MemoryFile} is memory that is read and written like a file, and that the
 * kernel may purge. docs/ANDROID.md lists the differences from Android's classes, and the methods
 * that are missing because there is no Parcel. New programs should use {@link
 * org.ashmem.AshmemRegion}, which has more features.
 */
@NullMarked
package org.ashmem.android;

import org.jspecify.annotations.NullMarked;
