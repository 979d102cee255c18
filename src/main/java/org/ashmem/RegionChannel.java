// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.io.IOException;
import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.net.SocketException;
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
 * Sends regions to another process and receives them, over a connected Unix socket of junixsocket.
 *
 * <pre>{@code
 * // The sender.
 * try (AFUNIXServerSocket server = AFUNIXServerSocket.bindOn(AFUNIXSocketAddress.of(path));
 *     RegionChannel channel = RegionChannel.of(server.accept().getChannel());
 *     AshmemRegion region = AshmemRegion.create("tiles", 64 << 20);
 *     Mapping mapping = region.map()) {
 *   region.setProtection(Set.of(Protection.READ)); // the receiver can only read
 *   channel.send(region);
 *   // ... write to the mapping, which keeps its rights ...
 * }
 *
 * // The receiver.
 * try (RegionChannel channel = RegionChannel.connect(path);
 *     AshmemRegion region = channel.receive();
 *     Mapping mapping = region.map()) {
 *   // ... read the mapping ...
 * }
 * }</pre>
 *
 * <p>A message is one byte with one descriptor ({@code SCM_RIGHTS}). Therefore a message is never
 * sent or received in part. The value of the byte has no meaning. If a method throws, it leaves no
 * descriptor open that the caller does not have, and the channel is either unchanged or positioned
 * after the bad message. A program may send other data over the same socket, as long as both ends
 * know what comes next. A read that goes past this data consumes the byte of the next region.
 *
 * <p>Both ends have the same region. If one end unpins a range or removes a right from the
 * {@linkplain AshmemRegion#setProtection protection}, this affects both ends. On memfd, only the
 * removal of {@link Protection#WRITE} affects the other end.
 *
 * <p>Only this class of the library needs {@code com.kohlschutter.junixsocket:junixsocket-core}, of
 * type {@code pom}, which is an optional dependency.
 *
 * <p>Thread-safe. Threads that receive at the same time get one region each. A thread that waits to
 * send or to receive cannot be interrupted. Closing the channel ends the wait. A virtual thread
 * that waits does not hold its carrier thread.
 */
@SuppressWarnings("exports") // junixsocket is not required transitively: it is optional
public final class RegionChannel implements AutoCloseable {
  private final AFUNIXSocketChannel socket;

  /** A duplicate of the socket's descriptor. Its number stays valid while a call is in progress. */
  private final Descriptor descriptor;

  private final Cleaner.Cleanable cleanable;

  private RegionChannel(AFUNIXSocketChannel socket, int fd) {
    Descriptor owned = new Descriptor(fd);
    this.socket = socket;
    this.descriptor = owned;
    this.cleanable = AshmemRegion.CLEANER.register(this, owned::close);
  }

  /**
   * Takes ownership of a connected socket, such as {@code
   * AFUNIXServerSocket.accept().getChannel()}.
   *
   * @param socket the socket; closing the channel closes it; if this method throws, the socket
   *     stays open
   * @return a channel over the socket
   * @throws NotYetConnectedException if the socket is not connected
   * @throws AshmemException if there are too many open files
   * @throws ClosedChannelException if the socket is closed
   * @throws IOException if the socket has no descriptor
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
    requireJunixsocket();
    // This code never passes an object of a junixsocket class as another class. To verify such a
    // conversion, the JVM would load junixsocket before this class can say what is missing.
    AFUNIXSocketChannel socket = AFUNIXSocket.connectTo(AFUNIXSocketAddress.of(path)).getChannel();
    try {
      return of(socket);
    } catch (Throwable e) {
      socket.close();
      throw e;
    }
  }

  /**
   * Sends a region. From now on the other end shares the region, even before it receives the region
   * and after this process closes it.
   *
   * @param region the region, which stays open
   * @throws ClosedException if the channel or the region is closed
   * @throws IllegalStateException on memfd, if a range was purged and not pinned since; only this
   *     region has a record of that purge
   * @throws TransferException.PeerGone if the other end has closed its socket, or its process has
   *     ended
   * @throws SocketTimeoutException if the other end receives nothing, its socket is full, and the
   *     socket's timeout has expired
   * @throws IllegalBlockingModeException if the socket is in non-blocking mode
   * @throws AshmemException if there are too many open files
   * @throws TransferException if the kernel refuses
   */
  public void send(AshmemRegion region) throws IOException {
    int socketFd = acquire();
    try {
      int result = send(socketFd, region);
      if (result < 0) {
        requireOpen();
        requireNoTimeout(result);
        throw TransferException.ofSend(region.name(), -result);
      }
    } finally {
      release();
    }
  }

  private int send(int socketFd, AshmemRegion region) throws IOException {
    try (RegionDescriptor copy = region.dup()) {
      return Poller.isVirtual()
          ? Poller.repeat(
              socketFd,
              Shim.WRITABLE,
              timeout(),
              () -> copy.passOn(fd -> Shim.send(socketFd, fd, false)))
          : copy.passOn(fd -> Shim.send(socketFd, fd, true));
    }
  }

  /**
   * Waits for a region and receives it. The region's name and size come from the kernel.
   *
   * @return the region, which the caller must close
   * @throws ClosedException if the channel is closed, also if it was closed while this method
   *     waited
   * @throws TransferException.PeerGone if the other end has closed its socket, or its process has
   *     ended, and everything that it sent has been received
   * @throws TransferException.NotOneRegion if a byte arrives without a descriptor, or with more
   *     than one
   * @throws AshmemException.NotRegion if the descriptor is not a region, or is a region without a
   *     size
   * @throws SocketTimeoutException if nothing arrives before the socket's timeout expires; {@code
   *     socket().socket().setSoTimeout} sets the timeout
   * @throws IllegalBlockingModeException if the socket is in non-blocking mode
   * @throws AshmemException if the kernel refuses
   * @throws TransferException if there are too many open files, or the kernel refuses
   */
  public AshmemRegion receive() throws IOException {
    int fd;
    int socketFd = acquire();
    try {
      fd =
          Poller.isVirtual()
              ? Poller.repeat(
                  socketFd, Shim.READABLE, timeout(), () -> Shim.receive(socketFd, false))
              : Shim.receive(socketFd, true);
      if (fd < 0) {
        requireOpen();
        requireNoTimeout(fd);
        throw TransferException.ofReceive(fd);
      }
    } finally {
      release();
    }
    RegionDescriptor received;
    try {
      received = RegionDescriptor.of(fd);
    } catch (Throwable e) {
      int unused = Shim.close(fd);
      throw e;
    }
    try (received) {
      return AshmemRegion.fromFileDescriptor(received);
    }
  }

  /**
   * Returns the socket, for example to set the timeout, to read the peer's credentials, or to send
   * data between the regions.
   *
   * @return the socket; closing the channel closes it
   */
  public AFUNIXSocketChannel socket() {
    return socket;
  }

  /**
   * Returns whether the channel and its socket are open.
   *
   * @return false after either was closed; still true after the other end closed its own socket
   */
  public boolean isOpen() {
    return descriptor.isOpen() && socket.isOpen();
  }

  /**
   * Closes the channel and its socket. Threads that wait get a {@link ClosedException}. The other
   * end can still receive what was sent. A second call is a no-op.
   *
   * @throws IOException if closing the socket fails
   */
  @Override
  public void close() throws IOException {
    // This comes first: a thread whose wait the socket ends must see that the channel is closed.
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
      // Without this the cleaner could close the descriptor while a call waits.
      Reference.reachabilityFence(this);
    }
  }

  private void requireOpen() {
    if (!isOpen()) {
      throw new ClosedException(toString());
    }
  }

  /** Returns the socket's timeout in milliseconds, 0 for none. */
  private int timeout() throws IOException {
    try {
      return socket.socket().getSoTimeout();
    } catch (SocketException e) {
      requireOpen();
      throw e;
    }
  }

  private static void requireNoTimeout(int result) throws SocketTimeoutException {
    if (result == -Errno.EAGAIN) {
      throw new SocketTimeoutException("the socket's timeout has expired");
    }
  }

  /**
   * Throws an error that names the missing dependency if junixsocket is not available. A static
   * initializer that throws would give only its first caller this error.
   */
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
