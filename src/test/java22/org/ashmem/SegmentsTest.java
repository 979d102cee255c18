// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The classes for Java 22. */
class SegmentsTest {
  private static final int PAGE = (int) AshmemRegion.pageSize();
  private static final int SIZE = 4 * PAGE;
  private static final String NAME = "as segments";
  private static final String IN_MAPS = NAME;

  private final AshmemRegion region = region(SIZE);

  private static AshmemRegion region(long size) {
    return AshmemRegion.create(NAME, size);
  }

  @AfterEach
  void close() {
    region.close();
  }

  private static int mappings() throws Exception {
    return Maps.lines(IN_MAPS).size();
  }

  @Test
  void segmentIsTheMapping() {
    try (Mapping mapping = region.map(1, SIZE - 1)) {
      MemorySegment segment = Segments.of(mapping);
      assertEquals(SIZE - 1, segment.byteSize());
      assertFalse(segment.isReadOnly());
      segment.set(ValueLayout.JAVA_BYTE, PAGE, (byte) 42);
      assertEquals(42, mapping.buffer().get(PAGE));
      assertThrows(
          IndexOutOfBoundsException.class, () -> segment.get(ValueLayout.JAVA_BYTE, SIZE - 1));
    }
  }

  @Test
  void closedMappingEndsAllItsViews() throws Exception {
    Mapping mapping = region.map();
    MemorySegment segment = Segments.of(mapping);
    ByteBuffer buffer = segment.asByteBuffer();
    mapping.close();
    assertFalse(segment.scope().isAlive());
    assertThrows(IllegalStateException.class, () -> segment.get(ValueLayout.JAVA_BYTE, 0));
    assertThrows(IllegalStateException.class, () -> buffer.get(0));
    assertThrows(ClosedException.class, () -> Segments.of(mapping));
    assertEquals(0, mappings());
    assertTrue(Views.end());
  }

  @Test
  void readOnlyIsReadOnly() {
    try (Mapping mapping = region.map(MapMode.READ_ONLY, 0, SIZE);
        Arena arena = Arena.ofConfined()) {
      for (MemorySegment segment :
          List.of(Segments.of(mapping), Segments.map(region, MapMode.READ_ONLY, 0, SIZE, arena))) {
        assertTrue(segment.isReadOnly());
        assertThrows(
            IllegalArgumentException.class, () -> segment.set(ValueLayout.JAVA_BYTE, 0, (byte) 1));
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"0, 1", "1, 1", "1, 4096", "4095, 2", "4096, 4096", "8191, 8193", "16383, 1"})
  void partBeginsAtAnyByteAndEndsWithTheArena(int offset, int length) throws Exception {
    try (Mapping mapping = region.map()) {
      MemorySegment segment;
      try (Arena arena = Arena.ofConfined()) {
        segment = Segments.map(region, MapMode.READ_WRITE, offset, length, arena);
        assertEquals(2, mappings());
        assertEquals(length, segment.byteSize());
        assertEquals(segment.byteSize(), segment.fill((byte) 7).byteSize());
        byte[] expected = new byte[SIZE];
        Arrays.fill(expected, offset, offset + length, (byte) 7);
        assertEquals(ByteBuffer.wrap(expected), mapping.buffer());
      }
      assertEquals(1, mappings());
      assertThrows(IllegalStateException.class, () -> segment.get(ValueLayout.JAVA_BYTE, 0));
    }
  }

  @Test
  void outlivesTheRegion() {
    try (Arena arena = Arena.ofShared()) {
      MemorySegment segment = Segments.map(region, MapMode.READ_WRITE, 0, SIZE, arena);
      region.close();
      segment.set(ValueLayout.JAVA_LONG, 8, 5);
      assertEquals(5, segment.get(ValueLayout.JAVA_LONG, 8));
      assertThrows(
          ClosedException.class, () -> Segments.map(region, MapMode.READ_ONLY, 0, SIZE, arena));
    }
  }

  @Test
  void privateSegmentKeepsItsWritesToItself() {
    try (Mapping mapping = region.map();
        Arena arena = Arena.ofConfined()) {
      MemorySegment segment = Segments.map(region, MapMode.PRIVATE, 0, SIZE, arena);
      segment.set(ValueLayout.JAVA_BYTE, 0, (byte) 1);
      assertEquals(0, mapping.buffer().get(0));
    }
  }

  @Test
  void refusedArenaLeavesNothingMapped() throws Exception {
    Arena closed = Arena.ofShared();
    closed.close();
    assertThrows(
        IllegalStateException.class,
        () -> Segments.map(region, MapMode.READ_WRITE, 0, SIZE, closed));
    try (Arena confined = Arena.ofConfined()) {
      CompletableFuture<Void> other =
          CompletableFuture.runAsync(
              () ->
                  assertThrows(
                      WrongThreadException.class,
                      () -> Segments.map(region, MapMode.READ_WRITE, 0, SIZE, confined)));
      other.get();
    }
    assertEquals(0, mappings());
  }

  @ParameterizedTest
  @CsvSource({"-1, 1", "0, 0", "0, -1", "1, 16384", "16384, 1", "9223372036854775807, 1"})
  void whatIsNoPartIsRefused(long offset, long length) throws Exception {
    try (Arena arena = Arena.ofConfined()) {
      assertThrows(
          IllegalArgumentException.class,
          () -> Segments.map(region, MapMode.READ_WRITE, offset, length, arena));
    }
    assertEquals(0, mappings());
  }

  @Test
  void automaticArenaIsUnmappedWhenItIsForgotten() throws Exception {
    MemorySegment segment = Segments.map(region, MapMode.READ_WRITE, 0, SIZE, Arena.ofAuto());
    segment.set(ValueLayout.JAVA_BYTE, 0, (byte) 1);
    assertEquals(1, mappings());
    segment = null;
    Maps.awaitNone(IN_MAPS);
  }

  @Test
  void isCountedUntilTheArenaEnds() throws Exception {
    long before = Counters.mappedBytes();
    long leaks = Counters.leaks();
    try (Arena arena = Arena.ofConfined()) {
      assertEquals(PAGE, Segments.map(region, MapMode.READ_ONLY, 1, PAGE, arena).byteSize());
      assertEquals(before + PAGE, Counters.mappedBytes());
    }
    assertEquals(before, Counters.mappedBytes());
    assertEquals(leaks, Counters.leaks());
  }

  /** Only one page of the region has memory. */
  @Test
  void moreThanABufferHolds() {
    long size = 3L << 30;
    try (AshmemRegion large = region(size);
        Mapping mapping = large.map();
        Mapping end = large.map(size - PAGE, PAGE)) {
      assertEquals(size, mapping.length());
      assertThrows(UnsupportedOperationException.class, mapping::buffer);
      assertThrows(UnsupportedOperationException.class, () -> SharedLongs.of(mapping));
      SharedLongs.of(end).setVolatile(0, 42);
      assertEquals(42, Segments.of(mapping).get(ValueLayout.JAVA_LONG, size - PAGE));
    }
  }

  /** The JDK makes no buffer of a segment with up to 8 bytes less than an int can count. */
  @Test
  void bufferOfTheGreatestLength() {
    long most = Integer.MAX_VALUE - 8;
    try (AshmemRegion large = region(2L << 30);
        Mapping mapping = large.map(0, most);
        Mapping longer = large.map(0, most + 1)) {
      assertEquals(most, mapping.buffer().capacity());
      assertThrows(UnsupportedOperationException.class, longer::buffer);
    }
  }
}
