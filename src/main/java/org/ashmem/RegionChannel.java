// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.io.IOException;
import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.net.SocketTimeoutException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.IllegalBlockingModeException;
import java.nio.channels.NotYetConnectedException;
import java.nio.file.Path;
import org.newsclub.net.unix.AFUNIXSocket;
import org.newsclub.net.unix.AFUNIXSocketAddress;
import org.newsclub.net.unix.AFUNIXSocketChannel;
import org.newsclub.net.unix.FileDescriptorCast;

/**
 * Sends regions to another process, and receives them, over a connected Unix socket of junixsocket.
 *
 * <pre>{@code
 * // One process.
 * try (AFUNIXServerSocket server = AFUNIXServerSocket.bindOn(AFUNIXSocketAddress.of(path));
 *     RegionChannel channel = RegionChannel.of(server.accept().getChannel());
 *     AshmemRegion region = AshmemRegion.create("tiles", 64 << 20);
 *     Mapping mapping = region.map()) {
 *   region.setProtection(Set.of(Protection.READ)); // the other one can only read
 *   channel.send(region);
 *   // ... write to the mapping, which may do what it could ...
 * }
 *
 * // The other.
 * try (RegionChannel channel = RegionChannel.connect(path);
 *     AshmemRegion region = channel.receive();
 *     Mapping mapping = region.map()) {
 *   // ... read the mapping ...
 * }
 * }</pre>
 *
 * <p>A message is one byte with one descriptor ({@code SCM_RIGHTS}), so that none is ever sent or
 * received in part; the byte's value means nothing. Whatever is thrown, no descriptor stays open
 * that the caller does not have, and the channel is where it was, or behind the message that was
 * bad. Other data may be sent over the same socket, as long as both ends know what comes next: who
 * reads more than was written before a region takes the region's byte away.
 *
 * <p>Both ends have the same region. Either can unpin ranges of it, and take from its {@linkplain
 * AshmemRegion#setProtection protection}, for both.
 *
 * <p>This class needs {@code com.kohlschutter.junixsocket:junixsocket-core}, of type {@code pom},
 * which is an optional dependency: no other class of this library does.
 *
 * <p>Safe for use by many threads. Threads that receive at the same time get a region each. A
 * thread that waits to send or to receive cannot be interrupted, and if it is virtual it holds its
 * carrier; closing the channel ends its wait.
 */
@SuppressWarnings("exports") // junixsocket is not handed on: who has no use for it need not have it
public final class RegionChannel implements AutoCloseable {
  static {
    requireJunixsocket();
  }

  private final AFUNIXSocketChannel socket;

  /** Of our own, so that its number is ours for as long as a call is under way. */
  private final Descriptor descriptor;

  private final Cleaner.Cleanable cleanable;

  private RegionChannel(AFUNIXSocketChannel socket, int fd) {
    Descriptor owned = new Descriptor(fd);
    this.socket = socket;
    this.descriptor = owned;
    this.cleanable = AshmemRegion.CLEANER.register(this, owned::close);
  }

  /**
   * Takes over a connected socket, such as {@code AFUNIXServerSocket.accept().getChannel()}.
   *
   * @param socket the socket, closed with the channel; left alone if this method throws
   * @return a channel over it
   * @throws NotYetConnectedException if the socket is not connected
   * @throws AshmemException if there are too many open files
   * @throws ClosedChannelException if the socket is closed
   * @throws IOException if the socket has no descriptor
   * @throws NoClassDefFoundError without junixsocket
   */
  public static RegionChannel of(AFUNIXSocketChannel socket) throws IOException {
    if (!socket.isOpen()) {
      throw new ClosedChannelException();
    }
    if (!socket.isConnected()) {
      throw new NotYetConnectedException();
    }
    int fd = Shim.dup(FileDescriptorCast.using(socket.getFileDescriptor()).as(Integer.class));
    if (fd < 0) {
      throw AshmemException.of("fcntl", "socket", -fd);
    }
    return new RegionChannel(socket, fd);
  }

  /**
   * Connects to a server's socket.
   *
   * @param path where the server is bound
   * @return a new channel
   * @throws IOException if there is no such server, or this user may not connect to it
   * @throws AshmemException if there are too many open files
   * @throws NoClassDefFoundError without junixsocket
   */
  public static RegionChannel connect(Path path) throws IOException {
    // None of junixsocket's classes is given where another is declared: to verify that, the JVM
    // would look for them before this class can say what is missing.
    AFUNIXSocketChannel socket = AFUNIXSocket.connectTo(AFUNIXSocketAddress.of(path)).getChannel();
    try {
      return of(socket);
    } catch (Throwable e) {
      socket.close();
      throw e;
    }
  }

  /**
   * Sends a region. The other end shares it from then on, whether or not it has received it, and
   * whether or not this process closes it.
   *
   * @param region the region, which stays open
   * @throws ClosedException if the channel or the region is closed
   * @throws IllegalStateException on memfd, if a range was purged that was not pinned since: only
   *     this region could tell
   * @throws TransferException.PeerGone if the other end has closed its socket, or its process has
   *     ended
   * @throws SocketTimeoutException if the other end receives nothing, its socket is full, and the
   *     socket's timeout is over
   * @throws IllegalBlockingModeException if the socket is in non-blocking mode
   * @throws AshmemException if there are too many open files
   * @throws TransferException if the kernel refuses
   */
  public void send(AshmemRegion region) throws IOException {
    int socketFd = acquire();
    try {
      int fd = region.dup();
      int result = Shim.send(socketFd, fd);
      int unused = Shim.close(fd);
      if (result < 0) {
        region.takeBack();
        requireOpen();
        requireNoTimeout(result);
        throw TransferException.ofSend(region.name(), -result);
      }
    } finally {
      release();
    }
  }

  /**
   * Waits for a region and receives it, with the name and the size that the kernel knows of it.
   *
   * @return the region, which the caller is to close
   * @throws ClosedException if the channel is closed, or was while this method waited
   * @throws TransferException.PeerGone if the other end has closed its socket, or its process has
   *     ended, and all that it had sent was received
   * @throws TransferException.NotOneRegion if a byte without a descriptor came, or more than one
   *     descriptor at once
   * @throws AshmemException.NotRegion if a descriptor came that is not a region, or is a region
   *     without a size
   * @throws SocketTimeoutException if nothing came and the socket's timeout, {@code
   *     socket().socket().setSoTimeout}, is over
   * @throws IllegalBlockingModeException if the socket is in non-blocking mode
   * @throws AshmemException if the kernel refuses
   * @throws TransferException if there are too many open files, or the kernel refuses
   */
  public AshmemRegion receive() throws IOException {
    int fd;
    int socketFd = acquire();
    try {
      fd = Shim.receive(socketFd);
      if (fd < 0) {
        requireOpen();
        requireNoTimeout(fd);
        throw TransferException.ofReceive(fd);
      }
    } finally {
      release();
    }
    try {
      return AshmemRegion.fromFileDescriptor(fd);
    } catch (Throwable e) {
      int unused = Shim.close(fd);
      throw e;
    }
  }

  /**
   * Returns the socket: for its timeout, its peer's credentials, or data beside the regions.
   *
   * @return the socket, which is closed with the channel
   */
  public AFUNIXSocketChannel socket() {
    return socket;
  }

  /**
   * Tells whether neither the channel nor its socket was closed yet.
   *
   * @return false once either was; true though the other end closed its own
   */
  public boolean isOpen() {
    return descriptor.isOpen() && socket.isOpen();
  }

  /**
   * Closes the channel and its socket; threads that wait get a {@link ClosedException}. What was
   * sent can still be received. Does nothing when it did before.
   *
   * @throws IOException if the socket says so
   */
  @Override
  public void close() throws IOException {
    // First, so that those whose wait the socket ends see why.
    cleanable.clean();
    socket.close();
  }

  @Override
  public String toString() {
    return "channel over " + socket;
  }

  private int acquire() {
    int fd = descriptor.acquire();
    if (fd < 0) {
      throw new ClosedException(toString());
    }
    try {
      requireOpen();
      if (!socket.isBlocking()) {
        throw new IllegalBlockingModeException();
      }
    } catch (Throwable e) {
      descriptor.release();
      throw e;
    }
    return fd;
  }

  private void release() {
    try {
      descriptor.release();
    } finally {
      // Or the socket may be closed as unreachable while a call waits.
      Reference.reachabilityFence(this);
    }
  }

  private void requireOpen() {
    if (!isOpen()) {
      throw new ClosedException(toString());
    }
  }

  private static void requireNoTimeout(int result) throws SocketTimeoutException {
    if (result == -Errno.EAGAIN) {
      throw new SocketTimeoutException("the socket's timeout is over");
    }
  }

  /** Says what is missing, and where to get it. */
  private static void requireJunixsocket() {
    try {
      Class.forName("org.newsclub.net.unix.AFUNIXSocketChannel");
    } catch (ClassNotFoundException e) {
      throw (NoClassDefFoundError)
          new NoClassDefFoundError(
                  "org.ashmem.RegionChannel needs junixsocket: add the dependency"
                      + " com.kohlschutter.junixsocket:junixsocket-core (<type>pom</type>, version"
                      + " 2.11.1 or newer)")
              .initCause(e);
    }
  }
}
