// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.IllegalBlockingModeException;
import java.nio.channels.NotYetConnectedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.newsclub.net.unix.AFUNIXServerSocket;
import org.newsclub.net.unix.AFUNIXSocketChannel;

/** Messages with ordinary files, which the receiver refuses only after it has received them. */
class RegionChannelTest {
  @TempDir private Path directory;

  private Path file;
  private FileInputStream open;
  private AFUNIXSocketChannel raw;
  private RegionChannel channel;

  @BeforeEach
  void connect() throws IOException {
    file = Files.writeString(directory.resolve("file"), "not a region");
    open = new FileInputStream(file.toFile());
    try (AFUNIXServerSocket server = listen(directory)) {
      channel = RegionChannel.connect(directory.resolve("socket"));
      raw = server.accept().getChannel();
    }
  }

  /** Checks that a test leaves no descriptor. */
  @AfterEach
  void close() throws IOException {
    channel.close();
    raw.close();
    open.close();
    assertEquals(0, OpenFile.count(file));
  }

  @Test
  void descriptorThatIsNoRegionIsClosed() throws IOException {
    write(1, open.getFD());
    assertThrows(AshmemException.NotRegion.class, channel::receive);
    assertEquals(1, OpenFile.count(file));
  }

  @Test
  void byteAloneIsNoRegionAndTheNextMessageComes() throws IOException {
    write(2);
    write(1, open.getFD());
    for (int i = 0; i < 2; i++) {
      assertTrue(
          assertThrows(TransferException.NotOneRegion.class, channel::receive)
              .getMessage()
              .contains("without a descriptor"));
    }
    assertThrows(AshmemException.NotRegion.class, channel::receive);
  }

  /** The kernel delivers a descriptor with the first byte of its message. */
  @Test
  void bytesBehindADescriptorAreBytesAlone() throws IOException {
    write(3, open.getFD());
    assertThrows(AshmemException.NotRegion.class, channel::receive);
    assertThrows(TransferException.NotOneRegion.class, channel::receive);
    assertThrows(TransferException.NotOneRegion.class, channel::receive);
    write(1, open.getFD());
    assertThrows(AshmemException.NotRegion.class, channel::receive);
  }

  /** The kernel passes at most 253 descriptors in one message. */
  @ParameterizedTest
  @ValueSource(ints = {2, 3, 61, 253})
  void severalDescriptorsAreAllClosed(int count) throws IOException {
    FileDescriptor[] descriptors = new FileDescriptor[count];
    Arrays.fill(descriptors, open.getFD());
    write(1, descriptors);
    assertTrue(
        assertThrows(TransferException.NotOneRegion.class, channel::receive)
            .getMessage()
            .contains("more than one"));
    assertEquals(1, OpenFile.count(file));
    write(1, open.getFD());
    assertThrows(AshmemException.NotRegion.class, channel::receive);
  }

  @Test
  void dataOfOthersMayComeBetween() throws IOException {
    write(1, open.getFD());
    assertEquals(2, raw.write(ByteBuffer.wrap(new byte[] {7, 8})));
    write(1, open.getFD());
    assertThrows(AshmemException.NotRegion.class, channel::receive);
    ByteBuffer data = ByteBuffer.allocate(2);
    while (data.hasRemaining()) {
      assertTrue(channel.socket().read(data) > 0);
    }
    assertEquals(7, data.get(0));
    assertEquals(8, data.get(1));
    assertThrows(AshmemException.NotRegion.class, channel::receive);
  }

  @Test
  void whatASenderSentBeforeItsEndIsReceived() throws IOException {
    write(1, open.getFD());
    raw.close();
    assertThrows(AshmemException.NotRegion.class, channel::receive);
    for (int i = 0; i < 2; i++) {
      assertTrue(
          assertThrows(TransferException.PeerGone.class, channel::receive)
              .getMessage()
              .contains("has closed its socket"));
    }
    assertTrue(channel.isOpen());
  }

  /** The sender gets PeerGone even if the receiver has closed its socket with a message unread. */
  @Test
  void receiverThatIsGoneIsTold() throws IOException {
    try (AshmemRegion region = region()) {
      channel.send(region);
      raw.close();
      TransferException gone =
          assertThrows(TransferException.PeerGone.class, () -> channel.send(region));
      assertTrue(gone.getMessage().contains("'file'"), gone.getMessage());
      assertThrows(TransferException.PeerGone.class, channel::receive);
      assertThrows(TransferException.PeerGone.class, channel::receive);
      assertTrue(region.isOpen());
    }
  }

  /** A region on memfd is no longer purged after it was sent. A failed send does not count. */
  @Test
  void whatNobodyReceivedIsPurgedAsBefore() throws IOException {
    try (AshmemRegion region =
        AshmemRegion.builder().size(AshmemRegion.pageSize()).backend(Backend.MEMFD).create()) {
      raw.close();
      assertThrows(TransferException.PeerGone.class, () -> channel.send(region));
      region.unpin();
      assertEquals(1, Purge.all());
      assertThrows(IllegalStateException.class, () -> channel.send(region));
      assertEquals(PinResult.WAS_PURGED, region.pin());
    }
  }

  @Test
  void waitEndsWithTheTimeout() throws IOException {
    channel.socket().socket().setSoTimeout(50);
    assertThrows(SocketTimeoutException.class, channel::receive);
    write(1, open.getFD());
    assertThrows(AshmemException.NotRegion.class, channel::receive);
  }

  /** No message is sent in part, and each sent message arrives. */
  @Test
  void socketThatIsFullTimesOut() throws IOException {
    int sent = 0;
    try (AshmemRegion region = region();
        RegionChannel other = RegionChannel.of(raw)) {
      channel.socket().socket().setSoTimeout(50);
      other.socket().socket().setSoTimeout(50);
      while (true) {
        try {
          channel.send(region);
          sent++;
        } catch (SocketTimeoutException e) {
          break;
        }
      }
      assertTrue(sent > 10, sent + " were sent");
      for (int i = 0; i < sent; i++) {
        assertThrows(AshmemException.NotRegion.class, other::receive);
      }
      assertThrows(SocketTimeoutException.class, other::receive);
      channel.send(region);
      assertThrows(AshmemException.NotRegion.class, other::receive);
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void closeEndsTheWait(boolean channelItself) throws Exception {
    CompletableFuture<Path> task = new CompletableFuture<>();
    FutureTask<AshmemRegion> wait =
        new FutureTask<>(
            () -> {
              task.complete(Path.of("/proc/thread-self").toRealPath());
              return channel.receive();
            });
    Thread thread = new Thread(wait);
    thread.start();
    Await.until(() -> wait.isDone() || (isReceiving(thread) && isAsleep(task.get())));
    assertFalse(wait.isDone());
    if (channelItself) {
      channel.close();
    } else {
      channel.socket().close();
    }
    Throwable thrown = assertThrows(ExecutionException.class, wait::get).getCause();
    assertEquals(ClosedException.class, thrown.getClass());
    assertFalse(channel.isOpen());
    assertThrows(ClosedException.class, channel::receive);
  }

  private static boolean isReceiving(Thread thread) {
    StackTraceElement[] trace = thread.getStackTrace();
    return trace.length > 0
        && trace[0].isNativeMethod()
        && trace[0].getMethodName().equals("receive");
  }

  /** Returns whether a thread, given by its directory in /proc, sleeps in the kernel. */
  private static boolean isAsleep(Path task) throws IOException {
    return Files.readString(task.resolve("stat")).contains(") S ");
  }

  @Test
  void closedChannelAndClosedRegionSayWhichTheyAre() throws IOException {
    AshmemRegion region = region();
    region.close();
    assertTrue(
        assertThrows(ClosedException.class, () -> channel.send(region))
            .getMessage()
            .contains("region 'file'"));
    channel.close();
    channel.close();
    assertTrue(
        assertThrows(ClosedException.class, () -> channel.send(region))
            .getMessage()
            .contains("channel"));
    assertThrows(ClosedException.class, channel::receive);
    ByteBuffer data = ByteBuffer.allocate(1);
    assertEquals(-1, raw.read(data));
  }

  @Test
  void socketHasToBeOpenAndConnectedAndToWait() throws IOException {
    try (AFUNIXSocketChannel alone = AFUNIXSocketChannel.open()) {
      assertThrows(NotYetConnectedException.class, () -> RegionChannel.of(alone));
    }
    channel.close();
    assertThrows(ClosedChannelException.class, () -> RegionChannel.of(channel.socket()));
    raw.configureBlocking(false);
    try (RegionChannel other = RegionChannel.of(raw)) {
      assertThrows(IllegalBlockingModeException.class, other::receive);
    }
    assertThrows(
        IOException.class, () -> RegionChannel.connect(directory.resolve("nobody listens")));
  }

  @Test
  void manyChannelsAndMessagesLeaveNoDescriptor() throws IOException {
    long sockets = OpenFile.countSockets();
    try (AshmemRegion region = region();
        AFUNIXServerSocket server = listen(directory)) {
      for (int i = 0; i < 1000; i++) {
        try (RegionChannel from = RegionChannel.connect(directory.resolve("socket"));
            RegionChannel to = RegionChannel.of(server.accept().getChannel())) {
          from.send(region);
          from.send(region);
          assertThrows(AshmemException.NotRegion.class, to::receive);
        }
      }
    }
    // The collector may close sockets of other tests meanwhile.
    assertTrue(OpenFile.countSockets() <= sockets);
  }

  /** The collector closes the descriptor of a forgotten channel whose socket is closed. */
  @Test
  void forgottenChannelIsClosed() throws Exception {
    long sockets = OpenFile.countSockets();
    try (AFUNIXServerSocket server = listen(directory)) {
      for (int i = 0; i < 10; i++) {
        RegionChannel forgotten = RegionChannel.connect(directory.resolve("socket"));
        server.accept().close();
        forgotten.socket().close();
      }
    }
    // The collector may close sockets of other tests meanwhile.
    Await.collection(() -> OpenFile.countSockets() <= sockets);
  }

  /** A program at its limit of open descriptors when a region arrives. */
  static final class Full {
    private Full() {}

    public static void main(String[] args) throws Exception {
      Path file = Path.of(args[0]);
      try (AFUNIXServerSocket server = listen(Path.of(args[1]));
          RegionChannel from = RegionChannel.connect(Path.of(args[1], "socket"));
          RegionChannel to = RegionChannel.of(server.accept().getChannel());
          AshmemRegion region = new AshmemRegion(OpenFile.open(file), "file", 1)) {
        // Print each message once before, because loading its classes needs a descriptor.
        from.socket().write(ByteBuffer.allocate(1));
        say(to);
        from.send(region);
        from.send(region);
        say(to);
        List<Integer> all = new ArrayList<>();
        for (int fd = open(file); fd >= 0; fd = open(file)) {
          all.add(fd);
        }
        say(to);
        all.forEach(Shim::close);
        from.send(region);
        say(to);
        System.out.println("left: " + (OpenFile.count(file) - 1));
      }
    }

    private static int open(Path file) {
      return Shim.openFile(file.toString().getBytes(UTF_8));
    }

    private static void say(RegionChannel to) throws IOException {
      try {
        to.receive().close();
      } catch (TransferException | AshmemException e) {
        System.out.println(e.getMessage());
      }
    }
  }

  @Test
  void tooManyOpenFilesAreTold() throws Exception {
    List<String> command = new ArrayList<>(List.of("sh", "-c", "ulimit -n 100; exec \"$@\"", "sh"));
    command.addAll(ChildJvm.command(List.of(), Full.class, file.toString(), directory.toString()));
    ChildJvm.Result result = ChildJvm.run(command);
    List<String> lines = result.output().lines().toList();
    assertEquals(5, lines.size(), result.output());
    assertTrue(lines.get(0).contains("without a descriptor"), result.output());
    assertTrue(lines.get(1).contains("it is not a region"), result.output());
    assertTrue(lines.get(2).contains("too many open files"), result.output());
    assertTrue(lines.get(3).contains("it is not a region"), result.output());
    assertEquals("left: 0", lines.get(4));
  }

  /** A program without junixsocket on its class path. */
  static final class Alone {
    private Alone() {}

    public static void main(String[] args) throws Exception {
      System.out.println(AshmemRegion.pageSize() > 0);
      for (int i = 0; i < 2; i++) {
        try {
          RegionChannel.connect(Path.of("nowhere")).close();
        } catch (NoClassDefFoundError e) {
          System.out.println(e.getMessage() + ", for " + e.getCause());
        }
      }
    }
  }

  @Test
  void withoutJunixsocketTheArtifactIsNamed() throws Exception {
    List<String> command = ChildJvm.command(List.of(), Alone.class);
    command.replaceAll(
        word ->
            word.contains("junixsocket")
                ? String.join(
                    File.pathSeparator,
                    Arrays.stream(word.split(File.pathSeparator))
                        .filter(entry -> !entry.contains("junixsocket"))
                        .toList())
                : word);
    List<String> lines = ChildJvm.run(command).output().lines().toList();
    assertEquals(3, lines.size(), lines::toString);
    assertEquals("true", lines.get(0));
    String error = lines.get(1);
    assertTrue(error.startsWith("org.ashmem.RegionChannel needs junixsocket"), error);
    assertTrue(error.contains("com.kohlschutter.junixsocket:junixsocket-core"), error);
    assertEquals(error, lines.get(2));
  }

  /** Returns a region object on the ordinary file. Sending does not check that it is a region. */
  private AshmemRegion region() {
    return new AshmemRegion(OpenFile.open(file), "file", 1);
  }

  /** Returns a server that listens at the path "socket" in a directory. */
  private static AFUNIXServerSocket listen(Path directory) throws IOException {
    return AFUNIXServerSocket.bindOn(directory.resolve("socket"), true);
  }

  /** Sends bytes and descriptors that may be no message of a region channel. */
  private void write(int bytes, FileDescriptor... descriptors) throws IOException {
    raw.setOutboundFileDescriptors(descriptors);
    assertEquals(bytes, raw.write(ByteBuffer.allocate(bytes)));
  }
}
