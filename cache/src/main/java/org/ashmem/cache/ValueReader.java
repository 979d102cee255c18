// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache;

import java.nio.ByteBuffer;

/**
 * Reads a value where it is, without a copy.
 *
 * @param <R> the type of results
 */
@FunctionalInterface
public interface ValueReader<R> {
  /**
   * Reads the value. The cache keeps it in memory until this method returns; the buffers must not
   * be used afterwards.
   *
   * @param parts the value's bytes in order, in read-only buffers of at most a page each, as {@link
   *     java.nio.channels.GatheringByteChannel#write(ByteBuffer[])} takes them. At each start of a
   *     page, up to 8 bytes have a buffer of their own
   * @return the result
   */
  R read(ByteBuffer[] parts);
}
