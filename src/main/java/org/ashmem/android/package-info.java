// SPDX-License-Identifier: Apache-2.0
/**
 * Android's own classes for shared memory, on top of {@link org.ashmem}: a program that was written
 * for {@code android.os} and {@code android.system} imports these in their place.
 *
 * <p>{@link org.ashmem.android.SharedMemory} is memory that processes share; {@link
 * org.ashmem.android.MemoryFile} is memory that is read and written like a file, and that the
 * kernel may take back. What neither can do here, since there is no Parcel, and where they differ
 * from Android's, is listed in docs/ANDROID.md. New programs have more from {@link
 * org.ashmem.AshmemRegion}.
 */
@NullMarked
package org.ashmem.android;

import org.jspecify.annotations.NullMarked;
