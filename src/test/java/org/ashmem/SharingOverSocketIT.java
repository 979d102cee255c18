// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.LongBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.ashmem.example.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.newsclub.net.unix.AFUNIXServerSocket;

/** Processes that pass regions on the device to each other: JVMs, and a program in C. */
@Tag("device")
class SharingOverSocketIT {
  private static final Path DEVICE = Path.of(AshmemRegion.DEVICE);
  private static final int PAGE = (int) AshmemRegion.pageSize();
  private static final int WORDS = PAGE / Long.BYTES;

  /** The number of {@link Writer}s. */
  private static final int MANY = 10;

  @TempDir private Path directory;

  private AFUNIXServerSocket server;
  private long descriptors;
  private List<String> mappings;

  @BeforeEach
  void listen() throws IOException {
    server = ChildJvm.listen(directory.resolve("socket"));
    descriptors = OpenFile.count(DEVICE);
    mappings = Maps.lines("/dev/ashmem/");
  }

  /** Checks that a test leaves no descriptor and no mapping. */
  @AfterEach
  void close() throws IOException {
    server.close();
    assertEquals(descriptors, OpenFile.count(DEVICE));
    List<String> left = new ArrayList<>(Maps.lines("/dev/ashmem/"));
    // The collector may not yet have found the mappings that other tests forgot.
    left.removeAll(mappings);
    assertEquals(List.of(), left);
  }

  /** Receives a region, writes to it, sends one of its own, and prints what is written there. */
  static final class Partner {
    private Partner() {}

    public static void main(String[] args) throws Exception {
      try (RegionChannel channel = RegionChannel.connect(Path.of(args[0]));
          AshmemRegion theirs = channel.receive();
          Mapping theirBytes = theirs.map();
          AshmemRegion ours = AshmemRegion.create("from the child", 2L * PAGE);
          Mapping ourBytes = ours.map()) {
        System.out.println(theirs.name() + " " + theirs.size() + " " + theirs.fileId());
        System.out.println(theirBytes.buffer().getLong(0));
        theirBytes.buffer().putLong(PAGE, 2);
        theirs.unpin(0, PAGE);
        ourBytes.buffer().putLong(0, 3);
        channel.send(ours);
        // The parent writes to our region and then sends it back.
        try (AshmemRegion again = channel.receive()) {
          System.out.println(again.fileId() == ours.fileId());
        }
        System.out.println(ourBytes.buffer().getLong(PAGE));
        System.in.read();
      }
    }
  }

  @Test
  @Tag("newest")
  void twoJvmsShareBothWays() throws Exception {
    Process child = start(Partner.class);
    try (BufferedReader out = child.inputReader(UTF_8);
        RegionChannel channel = accept();
        AshmemRegion ours = AshmemRegion.create("from the parent", 2L * PAGE + 1);
        Mapping ourBytes = ours.map()) {
      ourBytes.buffer().putLong(0, 1);
      channel.send(ours);
      assertEquals("from the parent " + (2L * PAGE + 1) + " " + ours.fileId(), out.readLine());
      assertEquals("1", out.readLine());
      try (AshmemRegion theirs = channel.receive();
          Mapping theirBytes = theirs.map()) {
        assertEquals(2, ourBytes.buffer().getLong(PAGE));
        assertEquals(PinStatus.UNPINNED, ours.pinStatus(0, PAGE));
        assertEquals(PinStatus.PINNED, ours.pinStatus(PAGE, PAGE + 1));
        assertEquals("from the child", theirs.name());
        assertEquals(2L * PAGE, theirs.size());
        assertEquals(3, theirBytes.buffer().getLong(0));
        theirBytes.buffer().putLong(PAGE, 4);
        channel.send(theirs);
        assertEquals("true", out.readLine());
        assertEquals("4", out.readLine());

        // The child dies, and its region stays usable here.
        ChildJvm.kill(child);
        assertThrows(TransferException.PeerGone.class, channel::receive);
        assertThrows(TransferException.PeerGone.class, () -> channel.send(ours));
        assertEquals(4, theirBytes.buffer().getLong(PAGE));
        assertEquals(PinResult.NOT_PURGED, theirs.pin());
        assertEquals(PinResult.NOT_PURGED, ours.pin());
        assertEquals(1, Regions.named("from the child").size());
      }
      assertEquals(List.of(), Regions.named("from the child"));
    } finally {
      child.destroyForcibly();
    }
  }

  /** Maps its part of the region, fills it when all writers have the region, and reports that. */
  static final class Writer {
    static final int PAGES = 4;

    private Writer() {}

    public static void main(String[] args) throws Exception {
      int number = Integer.parseInt(args[1]);
      try (RegionChannel channel = RegionChannel.connect(Path.of(args[0]));
          AshmemRegion region = channel.receive();
          Mapping part = region.map((long) number * PAGES * PAGE, (long) PAGES * PAGE)) {
        channel.socket().write(ByteBuffer.allocate(1));
        channel.socket().read(ByteBuffer.allocate(1));
        Pattern.fill(part.buffer().asLongBuffer(), (long) number * PAGES * WORDS);
        channel.socket().write(ByteBuffer.allocate(1));
        channel.socket().read(ByteBuffer.allocate(1));
        // Check the parts of all writers.
        try (Mapping whole = region.map()) {
          System.out.println(Pattern.mismatch(whole.buffer().asLongBuffer(), 0));
        }
      }
    }
  }

  @Test
  @Tag("um")
  void tenJvmsEachWriteTheirPartOfOneRegion() throws Exception {
    List<Process> children = new ArrayList<>();
    List<RegionChannel> channels = new ArrayList<>();
    try (AshmemRegion region = AshmemRegion.create("of ten", (long) MANY * Writer.PAGES * PAGE);
        Mapping mapping = region.map()) {
      for (int i = 0; i < MANY; i++) {
        children.add(start(Writer.class, Integer.toString(i)));
      }
      for (int i = 0; i < MANY; i++) {
        channels.add(accept());
        channels.get(i).send(region);
      }
      meet(channels);
      // All writers have mapped the region, and none has written yet.
      assertEquals(0, mapping.buffer().getLong(0));
      assertEquals(1, Regions.named("of ten").size());
      tell(channels);
      meet(channels);
      assertEquals(-1, Pattern.mismatch(mapping.buffer().asLongBuffer(), 0));
      tell(channels);
      for (Process child : children) {
        try (BufferedReader out = child.inputReader(UTF_8)) {
          assertEquals("-1", out.readLine());
        }
        assertEquals(0, child.waitFor());
      }
      assertEquals(1, Regions.named("of ten").size());
    } finally {
      for (RegionChannel channel : channels) {
        channel.close();
      }
      children.forEach(Process::destroyForcibly);
    }
    assertEquals(List.of(), Regions.named("of ten"));
  }

  /** Connects, reports that, and never receives. */
  static final class Deaf {
    private Deaf() {}

    public static void main(String[] args) throws Exception {
      try (RegionChannel channel = RegionChannel.connect(Path.of(args[0]))) {
        System.out.println("connected " + channel.isOpen());
        System.in.read();
      }
    }
  }

  @Test
  @Tag("newest")
  void regionThatADeadProcessDidNotReceiveIsGone() throws Exception {
    Process child = start(Deaf.class);
    try (BufferedReader out = child.inputReader(UTF_8);
        RegionChannel channel = accept()) {
      assertEquals("connected true", out.readLine());
      try (AshmemRegion region = AshmemRegion.create("not received", PAGE)) {
        channel.send(region);
        channel.send(region);
      }
      // Only the socket still has the region.
      assertEquals(1, Regions.named("not received").size());
      ChildJvm.kill(child);
      assertEquals(List.of(), Regions.named("not received"));
      assertThrows(TransferException.PeerGone.class, channel::receive);
    } finally {
      child.destroyForcibly();
    }
  }

  /** Sends a region and dies. */
  static final class Testator {
    private Testator() {}

    public static void main(String[] args) throws Exception {
      RegionChannel channel = RegionChannel.connect(Path.of(args[0]));
      AshmemRegion region = AshmemRegion.create("inherited", PAGE);
      region.map().buffer().putLong(8, 77);
      channel.send(region);
      Runtime.getRuntime().halt(1);
    }
  }

  @Test
  @Tag("newest")
  void regionOfASenderThatDiedIsReceived() throws Exception {
    Process child = start(Testator.class);
    try (RegionChannel channel = accept()) {
      assertEquals(1, child.waitFor());
      try (AshmemRegion region = channel.receive();
          Mapping mapping = region.map()) {
        assertEquals("inherited", region.name());
        assertEquals(77, mapping.buffer().getLong(8));
        assertEquals(PinResult.NOT_PURGED, region.pin());
      }
      assertThrows(TransferException.PeerGone.class, channel::receive);
    } finally {
      child.destroyForcibly();
    }
    assertEquals(List.of(), Regions.named("inherited"));
  }

  /** The program also runs as a 32-bit process. */
  @ParameterizedTest
  @ValueSource(strings = {"peer", "peer32"})
  @Tag("newest")
  void programInCReceives(String program) throws Exception {
    Process peer = start(program, "receives_and_writes");
    try (RegionChannel channel = accept();
        AshmemRegion region = AshmemRegion.create("from Java", 2L * PAGE);
        Mapping mapping = region.map()) {
      for (int i = 0; i < 2; i++) {
        writePage(mapping, i, 1);
      }
      channel.send(region);
      meet(List.of(channel));
      assertEquals(-1, mismatchOfPage(mapping, 0, 2));
      assertEquals(-1, mismatchOfPage(mapping, 1, 1));
      assertEquals(PinStatus.PINNED, region.pinStatus(0, PAGE));
      assertEquals(PinStatus.UNPINNED, region.pinStatus(PAGE, PAGE));
      assertEquals(1, AshmemRegion.purgeAllCaches());
      tell(List.of(channel));
      succeeds(peer);
    } finally {
      peer.destroyForcibly();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"peer", "peer32"})
  @Tag("newest")
  void programInCCanOnlyReadWhatWasProtected(String program) throws Exception {
    Process peer = start(program, "receives_to_read_only");
    try (RegionChannel channel = accept();
        AshmemRegion region = AshmemRegion.create("from Java", 2L * PAGE);
        Mapping mapping = region.map()) {
      region.setProtection(Set.of(Protection.READ));
      for (int generation = 1; generation <= 2; generation++) {
        for (int i = 0; i < 2; i++) {
          writePage(mapping, i, generation);
        }
        if (generation == 1) {
          channel.send(region);
          meet(List.of(channel));
        } else {
          tell(List.of(channel));
        }
      }
      succeeds(peer);
    } finally {
      peer.destroyForcibly();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"peer", "peer32"})
  @Tag("newest")
  void programInCSends(String program) throws Exception {
    Process peer = start(program, "sends");
    try (RegionChannel channel = accept();
        AshmemRegion region = channel.receive();
        Mapping mapping = region.map()) {
      assertEquals("from C", region.name());
      assertEquals(PAGE + 100L, region.size());
      assertEquals(-1, mismatchOfPage(mapping, 0, 1));
      writePage(mapping, 0, 2);
      tell(List.of(channel));
      succeeds(peer);
      assertThrows(TransferException.PeerGone.class, channel::receive);
    } finally {
      peer.destroyForcibly();
    }
    assertEquals(List.of(), Regions.named("from C"));
  }

  private RegionChannel accept() throws IOException {
    return RegionChannel.of(server.accept().getChannel());
  }

  private Process start(Class<?> main, String... arguments) throws IOException {
    List<String> all = new ArrayList<>(List.of(directory.resolve("socket").toString()));
    all.addAll(List.of(arguments));
    return ChildJvm.start(ChildJvm.command(List.of(), main, all.toArray(String[]::new)));
  }

  /** Starts one case of kernel/tests/peer.c. */
  private Process start(String program, String name) throws IOException {
    ProcessBuilder builder =
        new ProcessBuilder(Path.of(System.getenv("ASHMEM_OUT"), "tests", program).toString(), name);
    builder.environment().put("ASHMEM_SOCKET", directory.resolve("socket").toString());
    return builder.redirectErrorStream(true).start();
  }

  private static void succeeds(Process peer) throws Exception {
    String output = new String(peer.getInputStream().readAllBytes(), UTF_8);
    assertEquals(0, peer.waitFor(), output);
  }

  /** Waits for a byte from each channel. */
  private static void meet(List<RegionChannel> channels) throws IOException {
    for (RegionChannel channel : channels) {
      assertEquals(1, channel.socket().read(ByteBuffer.allocate(1)));
    }
  }

  private static void tell(List<RegionChannel> channels) throws IOException {
    for (RegionChannel channel : channels) {
      assertEquals(1, channel.socket().write(ByteBuffer.allocate(1)));
    }
  }

  /** Writes the same pattern as kernel/tests/client.h. */
  private static void writePage(Mapping mapping, int number, long generation) {
    LongBuffer words = page(mapping, number);
    for (int i = 0; i < WORDS; i++) {
      words.put(i, word(number, generation) + i);
    }
  }

  private static int mismatchOfPage(Mapping mapping, int number, long generation) {
    LongBuffer words = page(mapping, number);
    for (int i = 0; i < WORDS; i++) {
      if (words.get(i) != word(number, generation) + i) {
        return i;
      }
    }
    return -1;
  }

  private static LongBuffer page(Mapping mapping, int number) {
    return mapping
        .buffer()
        .slice(number * PAGE, PAGE)
        .order(ByteOrder.nativeOrder())
        .asLongBuffer();
  }

  private static long word(int number, long generation) {
    return (number + 1) * 0x9e3779b97f4a7c15L ^ (generation + 1) * 0xc2b2ae3d27d4eb4fL;
  }
}
