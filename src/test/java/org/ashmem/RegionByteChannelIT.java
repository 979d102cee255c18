// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.NonWritableChannelException;
import java.nio.channels.SeekableByteChannel;
import java.util.Arrays;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Channels and streams over regions. */
class RegionByteChannelIT {
  private static final String NAME = "as a channel";
  private static final int SIZE = 10_000;

  private final AshmemRegion region = AshmemRegion.create(NAME, SIZE);

  /** Checks that a test leaves no mapping. */
  @AfterEach
  void close() throws IOException {
    region.close();
    assertEquals(0, Maps.lines(NAME).size());
  }

  private static ByteBuffer bytes(String text) {
    return ByteBuffer.wrap(text.getBytes(UTF_8));
  }

  @Test
  void whatOneChannelWritesAnotherReads() throws IOException {
    try (SeekableByteChannel writer = region.channel();
        SeekableByteChannel reader = region.channel();
        Mapping mapping = region.map()) {
      assertEquals(SIZE, writer.size());
      assertEquals(0, writer.position());
      assertEquals(5, writer.position(4094).write(bytes("hello")));
      assertEquals(4099, writer.position());
      assertEquals('h', mapping.buffer().get(4094));
      ByteBuffer target = ByteBuffer.allocate(10).position(1).limit(6);
      assertEquals(5, reader.position(4094).read(target));
      assertEquals(4099, reader.position());
      assertArrayEquals("\0hello\0\0\0\0".getBytes(UTF_8), target.array());
      assertEquals(0, reader.read(target));
    }
  }

  @Test
  void endOfTheRegionIsTheEnd() throws IOException {
    try (SeekableByteChannel channel = region.channel()) {
      ByteBuffer target = ByteBuffer.allocate(8);
      assertEquals(3, channel.position(SIZE - 3).read(target));
      assertEquals(-1, channel.read(target));
      assertEquals(-1, channel.position(Long.MAX_VALUE).read(target));
      assertEquals(0, channel.read(ByteBuffer.allocate(0)));
      ByteBuffer source = bytes("hello");
      assertEquals(3, channel.position(SIZE - 3).write(source));
      assertEquals(2, source.remaining());
      assertTrue(
          assertThrows(IOException.class, () -> channel.write(source))
              .getMessage()
              .contains(region.toString()));
      assertEquals(2, source.remaining());
      assertEquals(SIZE, channel.position());
      assertEquals(0, channel.write(ByteBuffer.allocate(0)));
      assertThrows(IllegalArgumentException.class, () -> channel.position(-1));
    }
  }

  @Test
  void sizeIsFixed() throws IOException {
    try (SeekableByteChannel channel = region.channel()) {
      assertEquals(7, channel.position(7).truncate(SIZE).position());
      assertEquals(SIZE, channel.position(SIZE + 1).truncate(SIZE).position());
      assertThrows(IOException.class, () -> channel.truncate(SIZE - 1));
      assertThrows(IllegalArgumentException.class, () -> channel.truncate(-1));
      assertEquals(SIZE, channel.size());
    }
  }

  /** Also tests a region that is larger than a mapping may be before Java 22. */
  @Test
  void accessMayCrossAWindow() throws IOException {
    long size = 3L * RegionByteChannel.WINDOW + 1;
    try (AshmemRegion large = AshmemRegion.create(NAME, size);
        SeekableByteChannel channel = large.channel()) {
      for (long at :
          new long[] {RegionByteChannel.WINDOW - 2L, 3L * RegionByteChannel.WINDOW - 4}) {
        assertEquals(5, channel.position(at).write(bytes("hello")));
        ByteBuffer target = ByteBuffer.allocate(5);
        assertEquals(5, channel.position(at).read(target));
        assertArrayEquals("hello".getBytes(UTF_8), target.array());
        assertEquals(at + 5, channel.position());
      }
      assertEquals(-1, channel.read(ByteBuffer.allocate(1)));
      assertEquals(1, Maps.lines(NAME).size());
    }
  }

  @Test
  void readOnlyRegionIsOnlyRead() throws IOException {
    try (OutputStream out = region.outputStream()) {
      out.write('h');
    }
    region.setProtection(Set.of(Protection.READ));
    assertThrows(AshmemException.PermissionDenied.class, region::outputStream);
    try (SeekableByteChannel channel = region.channel();
        InputStream in = region.inputStream()) {
      assertThrows(NonWritableChannelException.class, () -> channel.write(bytes("hello")));
      assertThrows(NonWritableChannelException.class, () -> channel.truncate(SIZE));
      assertEquals(1, channel.read(ByteBuffer.allocate(1)));
      assertEquals('h', in.read());
    }
    region.setProtection(Set.of());
    assertThrows(AshmemException.PermissionDenied.class, region::channel);
    assertThrows(AshmemException.PermissionDenied.class, region::inputStream);
  }

  /** A channel that could write keeps its right, as its mapping does. */
  @Test
  void openChannelKeepsItsRight() throws IOException {
    try (SeekableByteChannel channel = region.channel()) {
      region.setProtection(Set.of(Protection.READ));
      assertEquals(5, channel.write(bytes("hello")));
    }
  }

  @Test
  void streamsCopyTheWholeRegion() throws IOException {
    byte[] content = new byte[SIZE];
    for (int i = 0; i < SIZE; i++) {
      content[i] = (byte) (i * 31);
    }
    try (OutputStream out = region.outputStream();
        InputStream in = region.inputStream()) {
      out.write(content[0]);
      out.write(content, 1, SIZE - 1);
      assertThrows(IOException.class, () -> out.write(1));
      assertEquals(SIZE, in.available());
      assertEquals(0, in.read());
      assertEquals(31, in.read());
      assertArrayEquals(Arrays.copyOfRange(content, 2, SIZE), in.readAllBytes());
      assertEquals(-1, in.read());
      assertEquals(0, in.available());
    }
    try (OutputStream out = region.outputStream()) {
      out.write(new byte[SIZE - 2]);
      assertThrows(IOException.class, () -> out.write(bytes("hello").array()));
    }
    try (InputStream in = region.inputStream()) {
      in.skipNBytes(SIZE - 2);
      assertArrayEquals("he".getBytes(UTF_8), in.readAllBytes());
    }
  }

  @Test
  void closedChannelIsClosed() throws IOException {
    SeekableByteChannel channel = region.channel();
    assertTrue(channel.isOpen());
    channel.close();
    channel.close();
    assertFalse(channel.isOpen());
    assertThrows(ClosedChannelException.class, () -> channel.read(ByteBuffer.allocate(1)));
    assertThrows(ClosedChannelException.class, () -> channel.write(ByteBuffer.allocate(1)));
    assertThrows(ClosedChannelException.class, channel::size);
    assertThrows(ClosedChannelException.class, channel::position);
    assertThrows(ClosedChannelException.class, () -> channel.position(0));
    assertThrows(ClosedChannelException.class, () -> channel.truncate(0));
    assertTrue(region.isOpen());
  }

  @Test
  void closedRegionIsClosed() throws IOException {
    try (SeekableByteChannel channel = region.channel();
        InputStream in = region.inputStream();
        OutputStream out = region.outputStream()) {
      region.close();
      assertFalse(channel.isOpen());
      assertThrows(ClosedException.class, () -> channel.read(ByteBuffer.allocate(1)));
      assertThrows(ClosedException.class, () -> channel.write(ByteBuffer.allocate(1)));
      assertThrows(ClosedException.class, channel::size);
      assertThrows(ClosedException.class, in::read);
      assertThrows(ClosedException.class, () -> out.write(1));
    }
    assertThrows(ClosedException.class, region::channel);
    assertThrows(ClosedException.class, region::inputStream);
    assertThrows(ClosedException.class, region::outputStream);
  }

  /** Each access copies all its bytes, or throws. The JVM survives. */
  @Test
  void closeMayRaceWithAccesses() throws Exception {
    for (int round = 0; round < 200; round++) {
      boolean both = round % 2 == 0;
      try (AshmemRegion raced = AshmemRegion.create(NAME, SIZE);
          SeekableByteChannel channel = raced.channel()) {
        CompletableFuture<Void> started = new CompletableFuture<>();
        CompletableFuture<Class<?>> ended =
            CompletableFuture.supplyAsync(
                () -> {
                  ByteBuffer content = ByteBuffer.allocate(SIZE);
                  try {
                    while (true) {
                      assertEquals(SIZE, channel.position(0).write(content.clear()));
                      assertEquals(SIZE, channel.position(0).read(content.clear()));
                      started.complete(null);
                    }
                  } catch (ClosedException | IOException e) {
                    return e.getClass();
                  }
                });
        CompletableFuture.anyOf(started, ended).get();
        if (both) {
          channel.close();
        } else {
          raced.close();
        }
        assertEquals(both ? ClosedChannelException.class : ClosedException.class, ended.get());
      }
    }
  }
}
