// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ReadOnlyBufferException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

class SharedRecordsTest {
  private static final int PAGE = (int) AshmemRegion.pageSize();

  private static final RecordLayout LAYOUT =
      RecordLayout.builder()
          .addByte("kind")
          .addInt("state")
          .addBytes("tag", 3)
          .addLong("hits")
          .addByte("flag")
          .addDouble("mean")
          .addBytes("name", 20)
          .build();
  private static final RecordLayout.ByteField KIND = LAYOUT.byteField("kind");
  private static final RecordLayout.IntField STATE = LAYOUT.intField("state");
  private static final RecordLayout.BytesField TAG = LAYOUT.bytesField("tag");
  private static final RecordLayout.LongField HITS = LAYOUT.longField("hits");
  private static final RecordLayout.ByteField FLAG = LAYOUT.byteField("flag");
  private static final RecordLayout.DoubleField MEAN = LAYOUT.doubleField("mean");
  private static final RecordLayout.BytesField NAME = LAYOUT.bytesField("name");

  /** A program in C with a struct of the same fields. */
  private static final String IN_C =
      """
      #include <fcntl.h>
      #include <stddef.h>
      #include <stdint.h>
      #include <stdio.h>
      #include <string.h>
      #include <sys/mman.h>

      struct record {
        int8_t kind;
        int32_t state;
        char tag[3];
        int64_t hits;
        int8_t flag;
        double mean;
        char name[20];
      };

      int main(int argc, char **argv)
      {
        int fd = open(argv[argc - 1], O_RDWR);
        struct record *r = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

        if (r == MAP_FAILED)
          return 1;
        printf("%zu %zu: %zu %zu %zu %zu %zu %zu %zu\\n", sizeof(*r), _Alignof(struct record),
               offsetof(struct record, kind), offsetof(struct record, state),
               offsetof(struct record, tag), offsetof(struct record, hits),
               offsetof(struct record, flag), offsetof(struct record, mean),
               offsetof(struct record, name));
        printf("%d %d %.3s %lld %d %.17g %s\\n", r[1].kind, r[1].state, r[1].tag,
               (long long)r[1].hits, r[1].flag, r[1].mean, r[1].name);
        r[2].kind = -1;
        __atomic_fetch_add(&r[2].state, 7, __ATOMIC_SEQ_CST);
        memcpy(r[2].tag, "xyz", 3);
        __atomic_fetch_add(&r[2].hits, INT64_C(1) << 40, __ATOMIC_SEQ_CST);
        r[2].flag = 2;
        r[2].mean = -0.25;
        strcpy(r[2].name, "from C");
        return 0;
      }
      """;

  private static AshmemRegion region() {
    return AshmemRegion.create("records", 2L * PAGE);
  }

  private static byte[] bytes(String text, int length) {
    return Arrays.copyOf(text.getBytes(UTF_8), length);
  }

  @Test
  void fieldsAreAtMultiplesOfTheirSizes() {
    assertEquals(
        List.of(0, 4, 8, 16, 24, 32, 40),
        LAYOUT.fields().stream().map(RecordLayout.Field::offset).toList());
    assertEquals(64, LAYOUT.size());
    assertEquals(8, LAYOUT.alignment());
    assertEquals(3, TAG.size());
    assertEquals("mean", MEAN.name());
    assertEquals(
        "record of 8 bytes: [ByteField b of 1 at 0, IntField i of 4 at 4]",
        RecordLayout.builder().addByte("b").addInt("i").build().toString());

    RecordLayout bytes = RecordLayout.builder().addBytes("five", 5).build();
    assertEquals(5, bytes.size());
    assertEquals(1, bytes.alignment());
    RecordLayout ints = RecordLayout.builder().addInt("one").addBytes("two", 1).build();
    assertEquals(8, ints.size());
    assertEquals(4, ints.alignment());
  }

  @Test
  void layoutStaysAsItWasBuilt() {
    RecordLayout.Builder builder = RecordLayout.builder().addInt("one");
    RecordLayout layout = builder.build();
    assertEquals(16, builder.addLong("two").build().size());
    assertEquals(4, layout.size());
    assertEquals(1, layout.fields().size());
  }

  @Test
  void badFieldsAreRefused() {
    RecordLayout.Builder builder = RecordLayout.builder();
    assertThrows(IllegalStateException.class, builder::build);
    assertThrows(IllegalArgumentException.class, () -> builder.addInt(""));
    assertThrows(IllegalArgumentException.class, () -> builder.addBytes("none", 0));
    builder.addLong("hits");
    assertThrows(IllegalArgumentException.class, () -> builder.addInt("hits"));
    assertThrows(
        IllegalArgumentException.class, () -> builder.addBytes("large", Integer.MAX_VALUE - 8));
    assertEquals(8, builder.build().size());
    assertEquals(2147483640, builder.addBytes("large", Integer.MAX_VALUE - 15).build().size());
  }

  @Test
  void fieldIsFoundByNameAndType() {
    assertThrows(IllegalArgumentException.class, () -> LAYOUT.longField("hit"));
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> LAYOUT.longField("state"));
    assertTrue(e.getMessage().startsWith("no LongField is named 'state' in record of 64"));
  }

  @Test
  void eachFieldKeepsToItself() {
    try (AshmemRegion region = region();
        Mapping mapping = region.map();
        Mapping other = region.map()) {
      SharedRecords records = SharedRecords.of(mapping, LAYOUT);
      for (int i = 0; i < records.length(); i++) {
        KIND.set(records, i, (byte) -i);
        STATE.set(records, i, ~i);
        TAG.set(records, i, bytes("abc", 3));
        HITS.set(records, i, Long.MIN_VALUE + i);
        FLAG.set(records, i, (byte) 1);
        MEAN.set(records, i, i / 3.0);
        NAME.set(records, i, bytes("record " + i, 20));
      }
      SharedRecords others = SharedRecords.of(other, LAYOUT);
      assertEquals(2 * PAGE / 64, others.length());
      for (int i = 0; i < others.length(); i++) {
        assertEquals((byte) -i, KIND.get(others, i));
        assertEquals(~i, STATE.get(others, i));
        assertArrayEquals(bytes("abc", 3), TAG.get(others, i));
        assertEquals(Long.MIN_VALUE + i, HITS.get(others, i));
        assertEquals(1, FLAG.get(others, i));
        assertEquals(i / 3.0, MEAN.get(others, i));
        assertArrayEquals(bytes("record " + i, 20), NAME.get(others, i));
      }
    }
  }

  @Test
  void volatileAccessReachesTheSameField() {
    try (AshmemRegion region = region();
        Mapping mapping = region.map()) {
      SharedRecords records = SharedRecords.of(mapping, LAYOUT);
      STATE.setVolatile(records, 3, 5);
      assertEquals(5, STATE.getVolatile(records, 3));
      assertFalse(STATE.compareAndSet(records, 3, 4, 6));
      assertTrue(STATE.compareAndSet(records, 3, 5, Integer.MAX_VALUE));
      assertEquals(Integer.MAX_VALUE, STATE.getAndAdd(records, 3, 1));
      assertEquals(Integer.MIN_VALUE, STATE.get(records, 3));
      HITS.setVolatile(records, 3, 5);
      assertEquals(5, HITS.getVolatile(records, 3));
      assertFalse(HITS.compareAndSet(records, 3, 4, 6));
      assertTrue(HITS.compareAndSet(records, 3, 5, Long.MAX_VALUE));
      assertEquals(Long.MAX_VALUE, HITS.getAndAdd(records, 3, 1));
      assertEquals(Long.MIN_VALUE, HITS.get(records, 3));
      assertEquals(0, HITS.get(records, 2));
    }
  }

  @Test
  void shorterBytesAreFollowedByZeros() {
    try (AshmemRegion region = region();
        Mapping mapping = region.map()) {
      SharedRecords records = SharedRecords.of(mapping, LAYOUT);
      KIND.set(records, 1, (byte) 9);
      NAME.set(records, 0, bytes("a name that is long", 20));
      NAME.set(records, 0, bytes("short", 5));
      assertArrayEquals(bytes("short", 20), NAME.get(records, 0));
      byte[] start = new byte[4];
      NAME.get(records, 0, start);
      assertArrayEquals(bytes("shor", 4), start);
      assertEquals(9, KIND.get(records, 1));
      assertThrows(
          IllegalArgumentException.class, () -> NAME.set(records, 0, bytes("too long", 21)));
      assertThrows(IllegalArgumentException.class, () -> NAME.get(records, 0, new byte[21]));
      assertArrayEquals(bytes("short", 20), NAME.get(records, 0));
    }
  }

  @Test
  void otherIndexAndOtherLayoutAreRefused() {
    RecordLayout same = RecordLayout.builder().addLong("hits").build();
    try (AshmemRegion region = region();
        Mapping mapping = region.map()) {
      SharedRecords records = SharedRecords.of(mapping, LAYOUT, 64, 2);
      assertEquals(2, records.length());
      assertEquals(LAYOUT, records.layout());
      for (int index : new int[] {-1, 2, 1 << 26, Integer.MAX_VALUE}) {
        List<Executable> accesses =
            List.of(
                () -> KIND.get(records, index),
                () -> STATE.getAndAdd(records, index, 1),
                () -> HITS.set(records, index, 1),
                () -> MEAN.get(records, index),
                () -> NAME.set(records, index, new byte[0]));
        for (Executable access : accesses) {
          assertThrows(IndexOutOfBoundsException.class, access);
        }
      }
      assertThrows(IllegalArgumentException.class, () -> same.longField("hits").get(records, 0));
    }
  }

  @Test
  void recordsAreWithinTheMappingAndAligned() {
    try (AshmemRegion region = region();
        Mapping mapping = region.map();
        Mapping odd = region.map(4, 4L + 3 * 64)) {
      assertThrows(IllegalArgumentException.class, () -> SharedRecords.of(odd, LAYOUT));
      assertEquals(3, SharedRecords.of(odd, LAYOUT, 4, 3).length());
      assertThrows(IndexOutOfBoundsException.class, () -> SharedRecords.of(odd, LAYOUT, 4, 4));
      assertThrows(
          IndexOutOfBoundsException.class,
          () -> SharedRecords.of(mapping, LAYOUT, 0, Integer.MAX_VALUE));
      RecordLayout bytes = RecordLayout.builder().addBytes("five", 5).build();
      bytes.bytesField("five").set(SharedRecords.of(mapping, bytes, 3, 2), 1, new byte[] {7});
      assertEquals(7, mapping.buffer().get(8));
    }
  }

  @Test
  void readOnlyIsNotWritten() {
    try (AshmemRegion region = region();
        Mapping mapping = region.map(MapMode.READ_ONLY, 0, PAGE)) {
      SharedRecords records = SharedRecords.of(mapping, LAYOUT);
      assertEquals(0, STATE.getVolatile(records, 0));
      assertArrayEquals(new byte[20], NAME.get(records, 0));
      List<Executable> writes =
          List.of(
              () -> KIND.set(records, 0, (byte) 1),
              () -> STATE.set(records, 0, 1),
              () -> STATE.compareAndSet(records, 0, 0, 1),
              () -> HITS.setVolatile(records, 0, 1),
              () -> HITS.getAndAdd(records, 0, 1),
              () -> MEAN.set(records, 0, 1),
              () -> NAME.set(records, 0, new byte[0]));
      for (Executable write : writes) {
        assertThrows(ReadOnlyBufferException.class, write);
      }
    }
  }

  @Test
  void closedMappingIsReachedNoMore() {
    try (AshmemRegion region = region();
        Mapping other = region.map()) {
      Mapping mapping = region.map();
      SharedRecords records = SharedRecords.of(mapping, LAYOUT);
      HITS.set(records, 0, 7);
      mapping.close();
      assertThrows(ClosedException.class, () -> SharedRecords.of(mapping, LAYOUT));
      if (Views.end()) {
        assertThrows(IllegalStateException.class, () -> HITS.getAndAdd(records, 0, 1));
        assertThrows(IllegalStateException.class, () -> NAME.get(records, 0));
      } else {
        assertEquals(0, HITS.getAndAdd(records, 0, 1));
        assertArrayEquals(new byte[20], NAME.get(records, 0));
      }
      assertEquals(7, HITS.get(SharedRecords.of(other, LAYOUT), 0));
    }
  }

  /** A program in C prints the layout of the struct, reads one record, and writes another. */
  @Test
  void programInCHasTheSameRecords(@TempDir Path directory) throws Exception {
    Path program = ChildJvm.compile(directory, IN_C);
    // On memfd, because opening the path of a device descriptor would create a new region.
    try (AshmemRegion region =
            AshmemRegion.builder().name("records").size(2L * PAGE).backend(Backend.MEMFD).create();
        Mapping mapping = region.map()) {
      SharedRecords records = SharedRecords.of(mapping, LAYOUT);
      KIND.set(records, 1, (byte) -3);
      STATE.set(records, 1, 1 << 30);
      TAG.set(records, 1, bytes("abc", 3));
      HITS.set(records, 1, Long.MAX_VALUE);
      FLAG.set(records, 1, (byte) 4);
      MEAN.set(records, 1, 1.5);
      NAME.set(records, 1, bytes("from Java", 9));
      HITS.set(records, 2, 1);
      int fd = region.dup().detach();
      ChildJvm.Result result =
          ChildJvm.run(
              List.of(program.toString(), "/proc/" + ProcessHandle.current().pid() + "/fd/" + fd));
      OpenFile.close(fd);
      assertEquals(
          "64 8: 0 4 8 16 24 32 40\n-3 1073741824 abc 9223372036854775807 4 1.5 from Java\n",
          result.output());
      assertEquals(0, result.status());
      assertEquals(-1, KIND.get(records, 2));
      assertEquals(7, STATE.get(records, 2));
      assertArrayEquals(bytes("xyz", 3), TAG.get(records, 2));
      assertEquals((1L << 40) + 1, HITS.get(records, 2));
      assertEquals(2, FLAG.get(records, 2));
      assertEquals(-0.25, MEAN.get(records, 2));
      assertArrayEquals(bytes("from C", 20), NAME.get(records, 2));
      assertEquals(0, KIND.get(records, 3));
    }
  }
}
