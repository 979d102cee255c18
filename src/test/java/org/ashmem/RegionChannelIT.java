// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.newsclub.net.unix.AFUNIXServerSocket;
import org.newsclub.net.unix.FileDescriptorCast;

/** Regions that this process sends to itself. */
class RegionChannelIT {
  private static final Path DEVICE = Path.of(AshmemRegion.DEVICE);
  private static final String NAME = "by channel";
  private static final int PAGE = (int) AshmemRegion.pageSize();

  @TempDir private Path directory;

  private RegionChannel from;
  private RegionChannel to;
  private long descriptors;

  @BeforeEach
  void connect() throws IOException {
    try (AFUNIXServerSocket server = AFUNIXServerSocket.bindOn(directory.resolve("socket"), true)) {
      from = RegionChannel.connect(directory.resolve("socket"));
      to = RegionChannel.of(server.accept().getChannel());
    }
    descriptors = OpenFile.count(DEVICE);
  }

  /** Checks that a test leaves no descriptor, mapping or region. */
  @AfterEach
  void close() throws IOException {
    from.close();
    to.close();
    assertEquals(descriptors, OpenFile.count(DEVICE));
    assertEquals(List.of(), Maps.lines("/dev/ashmem/" + NAME));
    if (Files.exists(DEVICE)) {
      assertEquals(List.of(), Regions.named(NAME));
    }
  }

  @Test
  @Tag("device")
  void receivedRegionIsTheOneThatWasSent() throws IOException {
    try (AshmemRegion sent = AshmemRegion.create(NAME, 3L * PAGE + 100)) {
      from.send(sent);
      try (AshmemRegion received = to.receive();
          Mapping here = sent.map();
          Mapping there = received.map()) {
        assertEquals(NAME, received.name());
        assertEquals(3L * PAGE + 100, received.size());
        assertEquals(sent.fileId(), received.fileId());
        here.buffer().putLong(PAGE, 1);
        assertEquals(1, there.buffer().getLong(PAGE));
        there.buffer().putLong(3 * PAGE, 2);
        assertEquals(2, here.buffer().getLong(3 * PAGE));
        received.unpin(PAGE, PAGE);
        assertEquals(PinStatus.UNPINNED, sent.pinStatus());
        assertEquals(PinResult.NOT_PURGED, sent.pin());
        sent.close();
        assertEquals(PinStatus.PINNED, received.pinStatus());
      }
    }
  }

  @Test
  @Tag("device")
  void receivedDescriptorIsClosedOnExec() throws IOException {
    try (AshmemRegion sent = AshmemRegion.create(NAME, PAGE)) {
      from.send(sent);
      assertEquals(List.of(), openOnExec());
      try (AshmemRegion received = to.receive()) {
        assertTrue(received.isOpen());
        assertEquals(descriptors + 2, OpenFile.count(DEVICE));
        assertEquals(List.of(), openOnExec());
      }
    }
  }

  @Test
  @Tag("device")
  void protectionThatWasDroppedIsDroppedForTheReceiver() throws IOException {
    try (AshmemRegion sent = AshmemRegion.create(NAME, PAGE);
        Mapping writable = sent.map()) {
      sent.setProtection(Set.of(Protection.READ));
      from.send(sent);
      try (AshmemRegion received = to.receive();
          Mapping there = received.map()) {
        assertEquals(Set.of(Protection.READ), received.protection());
        assertTrue(there.isReadOnly());
        assertThrows(
            AshmemException.PermissionDenied.class,
            () -> received.map(MapMode.READ_WRITE, 0, PAGE));
        assertThrows(
            IllegalArgumentException.class,
            () -> received.setProtection(Set.of(Protection.READ, Protection.WRITE)));
        writable.buffer().putInt(0, 5);
        assertEquals(5, there.buffer().getInt(0));
      }
    }
  }

  /** Sent regions stay in the socket, although the sender has closed them. */
  @Test
  void regionsComeInTheOrderInWhichTheyWereSent() throws IOException {
    for (int i = 1; i <= 10; i++) {
      try (AshmemRegion sent = AshmemRegion.create(NAME, i)) {
        from.send(sent);
      }
    }
    from.close();
    for (int i = 1; i <= 10; i++) {
      try (AshmemRegion received = to.receive()) {
        assertEquals(i, received.size());
      }
    }
    assertThrows(TransferException.PeerGone.class, to::receive);
  }

  @Test
  @Tag("device")
  void whatIsNeverReceivedGoesWithTheSocket() throws IOException {
    try (AshmemRegion sent = AshmemRegion.create(NAME, PAGE)) {
      from.send(sent);
      from.send(sent);
    }
    assertEquals(1, Regions.named(NAME).size());
    to.close();
    assertEquals(List.of(), Regions.named(NAME));
  }

  @Test
  @Tag("device")
  void regionWithoutASizeIsNoRegion() throws IOException {
    int fd = OpenFile.open(DEVICE);
    from.socket()
        .setOutboundFileDescriptors(FileDescriptorCast.unsafeUsing(fd).getFileDescriptor());
    assertEquals(1, from.socket().write(ByteBuffer.allocate(1)));
    assertEquals(0, Shim.close(fd));
    AshmemException.NotRegion e = assertThrows(AshmemException.NotRegion.class, to::receive);
    assertTrue(e.getMessage().contains("not given a size"), e.getMessage());
  }

  @Test
  void sizeThatDoesNotFitIntoAnIntIsReceived() throws IOException {
    try (AshmemRegion sent = AshmemRegion.create(NAME, 5L << 31)) {
      from.send(sent);
      try (AshmemRegion received = to.receive()) {
        assertEquals(5L << 31, received.size());
      }
    }
  }

  @Test
  @Tag("device")
  void manyCyclesLeaveNothing() throws IOException {
    try (AshmemRegion first = AshmemRegion.create(NAME, PAGE);
        Mapping mapping = first.map()) {
      for (int i = 1; i <= 2000; i++) {
        from.send(first);
        try (AshmemRegion there = to.receive();
            Mapping mappedThere = there.map()) {
          mappedThere.buffer().putInt(0, i);
          to.send(there);
        }
        try (AshmemRegion back = from.receive()) {
          assertEquals(first.fileId(), back.fileId());
        }
        assertEquals(i, mapping.buffer().getInt(0));
      }
      assertEquals(descriptors + 1, OpenFile.count(DEVICE));
      assertEquals(1, Maps.lines("/dev/ashmem/" + NAME).size());
    }
  }

  /** Returns the flags of the device's descriptors that a program would inherit through exec. */
  private static List<String> openOnExec() throws IOException {
    try (var links = Files.list(Path.of("/proc/self/fd"))) {
      return links
          .map(link -> Integer.parseInt(link.getFileName().toString()))
          .filter(RegionChannelIT::isDevice)
          .map(fd -> flags(fd))
          .filter(flags -> (Integer.parseInt(flags, 8) & 02000000) == 0)
          .toList();
    }
  }

  private static boolean isDevice(int fd) {
    try {
      return OpenFile.target(fd).equals(AshmemRegion.DEVICE);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private static String flags(int fd) {
    try (var lines = Files.lines(Path.of("/proc/self/fdinfo", Integer.toString(fd)))) {
      return lines
          .filter(line -> line.startsWith("flags:"))
          .findFirst()
          .orElseThrow()
          .substring("flags:".length())
          .strip();
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }
}
