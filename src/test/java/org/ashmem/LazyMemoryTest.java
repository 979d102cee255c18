// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Memory that the kernel takes back, on the memory of this machine. */
class LazyMemoryTest {
  private static final int PAGE = (int) AshmemRegion.pageSize();
  private static final int PAGES = 1024;
  private static final int SIZE = PAGES * PAGE;
  private static final int LARGE = 1 << 30;
  private static final int GREATEST = 2147483639;

  /** Locks what is about to be unpinned, as mlockall does, and lets the kernel answer. */
  private static final String LOCK =
      """
      #define _GNU_SOURCE
      #include <sys/mman.h>
      #include <sys/syscall.h>
      #include <unistd.h>
      int madvise(void *address, size_t length, int advice)
      {
        if (advice == MADV_FREE && mlock(address, length))
          return -1;
        return syscall(SYS_madvise, address, length, advice);
      }
      """;

  /**
   * Stops a forked child before it executes its program: removes the file HOLD, and waits until it
   * is there again.
   */
  private static final String STOP =
      """
      #define _GNU_SOURCE
      #include <stdlib.h>
      #include <unistd.h>
      int execvp(const char *file, char *const arguments[])
      {
        const char *hold = getenv("HOLD");
        alarm(300);
        unlink(hold);
        while (access(hold, F_OK))
          usleep(1000);
        return execve(file, arguments, environ);
      }
      """;

  /** Writes a word that is not zero to each page. */
  private static void fill(ByteBuffer bytes) {
    for (int at = 0; at < bytes.capacity(); at += PAGE) {
      bytes.putLong(at, at + 1L);
    }
  }

  /** Returns the number of pages that are zeros. Fails if a page has other bytes than it got. */
  private static int countTaken(ByteBuffer bytes, int start, int end) {
    int taken = 0;
    for (int at = start; at < end; at += PAGE) {
      long word = bytes.getLong(at);
      if (word == 0) {
        taken++;
      } else {
        assertEquals(at + 1L, word);
      }
    }
    return taken;
  }

  @Test
  void isAvailableHere() {
    assertEquals(Optional.empty(), LazyMemory.unavailabilityCause());
    assertTrue(LazyMemory.isAvailable());
  }

  @Test
  void newMemoryIsZerosAndTakesNothing() {
    try (LazyMemory memory = LazyMemory.create(SIZE)) {
      assertTrue(memory.isOpen());
      assertEquals(SIZE, memory.length());
      assertEquals("lazy memory of " + SIZE + " bytes", memory.toString());
      assertEquals(0, memory.residentBytes());
      ByteBuffer bytes = memory.buffer();
      assertTrue(bytes.isDirect());
      assertFalse(bytes.isReadOnly());
      assertEquals(SIZE, bytes.remaining());
      assertEquals(ByteOrder.BIG_ENDIAN, bytes.order());
      assertEquals(ByteBuffer.allocate(SIZE), bytes);
    }
  }

  @Test
  void viewsShareTheirBytes() {
    try (LazyMemory memory = LazyMemory.create(PAGE)) {
      ByteBuffer one = memory.buffer();
      one.position(100).order(ByteOrder.LITTLE_ENDIAN);
      one.put(7, (byte) 7);
      ByteBuffer two = memory.buffer();
      assertEquals(0, two.position());
      assertEquals(ByteOrder.BIG_ENDIAN, two.order());
      assertEquals(7, two.get(7));
    }
  }

  @Test
  void writtenPagesAreResident() {
    try (LazyMemory memory = LazyMemory.create(SIZE - 100)) {
      ByteBuffer bytes = memory.buffer();
      bytes.put(0, (byte) 1);
      assertEquals(PAGE, memory.residentBytes());
      bytes.put(SIZE - 101, (byte) 1);
      assertEquals(2L * PAGE, memory.residentBytes());
    }
  }

  /** The last page is the one that is not whole. */
  @Test
  void greatestLengthWorksToItsEnd() {
    try (LazyMemory memory = LazyMemory.create(GREATEST)) {
      ByteBuffer bytes = memory.buffer();
      bytes.put(GREATEST - 1, (byte) 5);
      long last = GREATEST / PAGE * (long) PAGE;
      memory.unpin(last, GREATEST - last);
      memory.unpin(0, GREATEST);
      assertEquals(PAGE, memory.residentBytes());
      memory.discard(last, GREATEST - last);
      assertEquals(0, bytes.get(GREATEST - 1));
    }
  }

  @Test
  void reservesNothing() {
    List<LazyMemory> many = new ArrayList<>();
    try {
      // 64 GiB
      for (int i = 0; i < 32; i++) {
        many.add(LazyMemory.create(GREATEST));
      }
    } finally {
      many.forEach(LazyMemory::close);
    }
  }

  /** A kernel without huge pages has no flag against them. */
  @Test
  void hasNoHugePages() throws Exception {
    Await.cleaner();
    long before = bytesWithFlag("nh");
    try (LazyMemory memory = LazyMemory.create(LARGE)) {
      memory.buffer().put(LARGE / 2, (byte) 1);
      assertEquals(PAGE, memory.residentBytes());
      // Stacks of new threads may add to the difference.
      long more = (bytesWithFlag("nh") - before + LARGE / 2) / LARGE;
      assertEquals(Files.exists(Path.of("/sys/kernel/mm/transparent_hugepage")) ? 1 : 0, more);
    }
  }

  /** Returns the size of this process's mappings with a flag. */
  private static long bytesWithFlag(String flag) throws Exception {
    long size = 0;
    long sum = 0;
    for (String line : Files.readAllLines(Path.of("/proc/self/smaps"), ISO_8859_1)) {
      if (line.startsWith("Size:")) {
        size = 1024 * Long.parseLong(line.replaceAll("[^0-9]", ""));
      } else if (line.startsWith("VmFlags:") && line.contains(" " + flag)) {
        sum += size;
      }
    }
    return sum;
  }

  @Test
  void discardedBytesAreZerosAtOnce() {
    try (LazyMemory memory = LazyMemory.create(SIZE)) {
      ByteBuffer bytes = memory.buffer();
      fill(bytes);
      assertEquals(SIZE, memory.residentBytes());

      memory.discard(PAGE, 2L * PAGE);

      assertEquals(SIZE - 2L * PAGE, memory.residentBytes());
      assertEquals(2, countTaken(bytes, PAGE, 3 * PAGE));
      assertEquals(0, countTaken(bytes, 0, PAGE) + countTaken(bytes, 3 * PAGE, SIZE));
    }
  }

  /** The kernel is free to take pages, so each may be zeros. Bytes of no other kind are there. */
  @Test
  void unpinnedPagesAreIntactOrZeros() {
    try (LazyMemory memory = LazyMemory.create(SIZE)) {
      ByteBuffer bytes = memory.buffer();
      fill(bytes);
      memory.unpin(0, SIZE);
      assertTrue(countTaken(bytes, 0, SIZE) <= PAGES);
    }
  }

  @Test
  void pageThatIsWrittenAgainStays() {
    try (LazyMemory memory = LazyMemory.create(SIZE)) {
      ByteBuffer bytes = memory.buffer();
      fill(bytes);
      memory.unpin(0, SIZE);
      int half = SIZE / 2;
      for (int at = 0; at < half; at += PAGE) {
        bytes.putLong(at, at + 1L);
      }

      memory.pageOut(0, SIZE);

      assertEquals(0, countTaken(bytes, 0, half));
      // The kernel may keep a few pages that are in its per-processor lists.
      int taken = countTaken(bytes, half, SIZE);
      assertTrue(taken > PAGES / 4, taken + " pages were taken");
    }
  }

  /** Pages that were not unpinned stay, and so do those that were discarded and written again. */
  @Test
  void ordinaryPagesStay() {
    try (LazyMemory memory = LazyMemory.create(SIZE)) {
      ByteBuffer bytes = memory.buffer();
      fill(bytes);
      memory.discard(0, SIZE);
      fill(bytes);
      memory.pageOut(0, SIZE);
      assertEquals(0, countTaken(bytes, 0, SIZE));
    }
  }

  /** A write makes a page ordinary only until it is unpinned again. */
  @Test
  void pageIsUnpinnedAgain() {
    try (LazyMemory memory = LazyMemory.create(SIZE)) {
      ByteBuffer bytes = memory.buffer();
      fill(bytes);
      memory.unpin(0, SIZE);
      fill(bytes);
      memory.unpin(0, SIZE);
      memory.pageOut(0, SIZE);
      int taken = countTaken(bytes, 0, SIZE);
      assertTrue(taken > PAGES / 2, taken + " pages were taken");
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {0, -1, GREATEST + 1L, 1L << 31, Long.MAX_VALUE, Long.MIN_VALUE})
  void wrongLengthIsRefused(long length) {
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> LazyMemory.create(length));
    assertEquals("lazy memory has 1 to 2147483639 bytes, not " + length, e.getMessage());
  }

  @ParameterizedTest
  @CsvSource({
    "-1, 1",
    "0, 0",
    "0, -4096",
    "1, 4096",
    "0, 1",
    "0, 4095",
    "4096, 4097",
    "8192, 200",
    "0, 12288",
    "12288, 4096",
    "9223372036854771712, 4096",
    "4096, 9223372036854771712"
  })
  void wrongRangeIsRefusedBeforeAnythingChanges(long offset, long length) {
    int scale = PAGE / 4096;
    try (LazyMemory memory = LazyMemory.create(2 * PAGE + 100)) {
      fill(memory.buffer().limit(2 * PAGE).slice());
      long from = offset % 4096 == 0 ? offset * scale : offset;
      for (Runnable call :
          List.<Runnable>of(() -> memory.discard(from, length), () -> memory.unpin(from, length))) {
        assertThrows(IllegalArgumentException.class, call::run);
      }
      assertEquals(0, countTaken(memory.buffer(), 0, 2 * PAGE));
    }
  }

  @Test
  void closedMemoryRefusesEverything() {
    LazyMemory memory = LazyMemory.create(SIZE);
    ByteBuffer view = memory.buffer();
    fill(view);
    memory.close();
    memory.close();
    assertFalse(memory.isOpen());
    assertEquals(SIZE, memory.length());
    for (Runnable call :
        List.<Runnable>of(
            memory::buffer,
            memory::residentBytes,
            () -> memory.unpin(0, SIZE),
            () -> memory.discard(0, SIZE))) {
      ClosedException e = assertThrows(ClosedException.class, call::run);
      assertEquals("lazy memory of " + SIZE + " bytes is closed", e.getMessage());
    }
    // A wrong argument comes first, as before the close.
    assertThrows(IllegalArgumentException.class, () -> memory.unpin(0, 1));
    if (Views.end()) {
      assertThrows(IllegalStateException.class, () -> view.get(0));
    } else {
      assertEquals(ByteBuffer.allocate(SIZE), view);
      view.put(0, (byte) 1);
    }
  }

  /** Without a view at once, and with one when the last view is collected. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void closeGivesTheAddressSpaceBack(boolean withView) throws Exception {
    LazyMemory memory = LazyMemory.create(LARGE);
    if (withView) {
      memory.buffer().put(0, (byte) 1);
    }
    long most = MappingTest.Limit.addressSpace() - LARGE / 2;
    memory.close();
    if (withView) {
      Await.collection(() -> MappingTest.Limit.addressSpace() <= most);
    } else {
      assertTrue(MappingTest.Limit.addressSpace() <= most);
    }
  }

  @Test
  void addressSpaceThatIsUsedUpIsOutOfMemory() throws Exception {
    Await.cleaner();
    try (MappingTest.Limit limit = new MappingTest.Limit(LARGE / 2)) {
      AshmemException e =
          assertThrows(AshmemException.OutOfMemory.class, () -> LazyMemory.create(LARGE));
      assertEquals("mmap", e.call());
      assertEquals("lazy memory", e.regionName());
    }
  }

  @Test
  void forgottenMemoryIsALeak() throws Exception {
    long leaks = Counters.leaks();
    for (int i = 0; i < 3; i++) {
      fill(LazyMemory.create(SIZE).buffer());
    }
    assertEquals(SIZE, LazyMemory.create(SIZE).length());
    Await.collection(() -> Counters.leaks() >= leaks + 4);
  }

  @Test
  void viewKeepsForgottenMemory() throws Exception {
    ByteBuffer view = LazyMemory.create(SIZE).buffer();
    fill(view);
    Await.cleaner();
    assertEquals(0, countTaken(view, 0, SIZE));
  }

  /** A call beside the close works or throws. Another mapping at the address keeps its bytes. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void callsBesideCloseHarmNothing(boolean withView) throws Exception {
    for (int round = 0; round < 200; round++) {
      LazyMemory memory = LazyMemory.create(16L * PAGE);
      if (withView) {
        memory.buffer().put(0, (byte) 1);
      }
      CyclicBarrier start = new CyclicBarrier(4);
      List<CompletableFuture<Void>> others = new ArrayList<>();
      for (Runnable call :
          List.<Runnable>of(
              () -> memory.discard(0, 16L * PAGE),
              () -> memory.unpin(0, 16L * PAGE),
              memory::residentBytes)) {
        // The common pool of a small machine has fewer threads.
        Executor own = task -> new Thread(task).start();
        others.add(CompletableFuture.runAsync(() -> untilClosed(start, call), own));
      }
      start.await(1, TimeUnit.MINUTES);
      memory.close();
      // It may get the same address. No call of the first memory may reach it.
      try (LazyMemory next = LazyMemory.create(16L * PAGE)) {
        ByteBuffer bytes = next.buffer();
        fill(bytes);
        for (CompletableFuture<Void> other : others) {
          other.get(1, TimeUnit.MINUTES);
        }
        next.pageOut(0, 16L * PAGE);
        assertEquals(0, countTaken(bytes, 0, 16 * PAGE));
      }
    }
  }

  private static void untilClosed(CyclicBarrier start, Runnable call) {
    assertDoesNotThrow(() -> start.await(1, TimeUnit.MINUTES));
    try {
      while (true) {
        call.run();
      }
    } catch (ClosedException e) {
      // This is the end.
    }
  }

  @Test
  void noForkedChildHasIt() throws Exception {
    Await.cleaner();
    long before = bytesWithFlag("dc");
    try (LazyMemory memory = LazyMemory.create(LARGE)) {
      assertEquals(LARGE, bytesWithFlag("dc") - before, memory.toString());
    }
  }

  /** Forks a child, and prints whether the memory gives way as long as the child lives. */
  static final class Forking {
    private Forking() {}

    public static void main(String[] arguments) throws Exception {
      Path hold = Files.createFile(Path.of(System.getenv("HOLD")));
      try (LazyMemory memory = LazyMemory.create(SIZE)) {
        ByteBuffer bytes = memory.buffer();
        fill(bytes);
        memory.unpin(0, SIZE / 2);
        CompletableFuture<Integer> child = CompletableFuture.supplyAsync(Forking::child);
        Await.until(() -> Files.notExists(hold));
        memory.unpin(SIZE / 2, SIZE / 2);
        memory.pageOut(0, SIZE);
        int first = countTaken(bytes, 0, SIZE / 2);
        int second = countTaken(bytes, SIZE / 2, SIZE);
        System.out.println(first > PAGES / 4 ? "gave way" : first + " pages were taken");
        System.out.println(second > PAGES / 4 ? "gave way" : second + " pages were taken");
        Files.createFile(hold);
        System.out.println("status " + child.get());
      }
    }

    private static int child() {
      try {
        return new ProcessBuilder("/bin/true").start().waitFor();
      } catch (IOException | InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  /** What was unpinned before a fork gives way, and what is unpinned afterwards. */
  @Test
  @Tag("unsanitized")
  void givesWayWhileAForkedChildLives(@TempDir Path directory) throws Exception {
    Path library = ChildJvm.compile(directory, STOP, "-shared", "-fPIC");
    List<String> command =
        new ArrayList<>(
            List.of("env", "LD_PRELOAD=" + library, "HOLD=" + directory.resolve("hold")));
    command.addAll(
        ChildJvm.command(List.of("-Djdk.lang.Process.launchMechanism=FORK"), Forking.class));
    assertEquals(new ChildJvm.Result(0, "gave way\ngave way\nstatus 0\n"), ChildJvm.run(command));
  }

  /** Prints why there is no lazy memory. */
  static final class Locked {
    private Locked() {}

    public static void main(String[] arguments) {
      LazyMemory.unavailabilityCause().ifPresent(cause -> System.out.println(cause.getMessage()));
      System.out.println(LazyMemory.isAvailable());
    }
  }

  /**
   * Does not run under AddressSanitizer, which makes mlockall a no-op and has to be loaded first.
   */
  @Test
  @Tag("unsanitized")
  void lockedMemoryIsNamed(@TempDir Path directory) throws Exception {
    Path library = ChildJvm.compile(directory, LOCK, "-shared", "-fPIC");
    List<String> command = new ArrayList<>(List.of("env", "LD_PRELOAD=" + library));
    command.addAll(ChildJvm.command(List.of(), Locked.class));
    ChildJvm.Result result = ChildJvm.run(command);
    assertEquals(0, result.status(), result.output());
    assertTrue(
        result.output().startsWith("madvise on 'lazy memory': EINVAL (22), the process locks its"),
        result.output());
    assertTrue(result.output().contains("call munlockall"), result.output());
    assertTrue(result.output().endsWith("false\n"), result.output());
  }

  @ParameterizedTest
  @ValueSource(strings = {"4.12.0", "4.12", "4.18.0-553.el8", "5.10.0", "6.18.44", "7.3.0-rc1", ""})
  void newerKernelsAreGoodEnough(String release) {
    assertDoesNotThrow(() -> LazyMemory.requireKernel(release));
  }

  @ParameterizedTest
  @ValueSource(strings = {"3.10.0-1160.el7.x86_64", "4.4.0", "4.11.12-generic"})
  void olderKernelIsNamed(String release) {
    UnsupportedOperationException e =
        assertThrows(UnsupportedOperationException.class, () -> LazyMemory.requireKernel(release));
    assertTrue(e.getMessage().contains("4.12 or newer, and this is " + release), e.getMessage());
  }

  @ParameterizedTest
  @CsvSource({
    "madvise, 22, mlockall",
    "mmap, 11, ulimit -l",
    "madvise, 1, allow madvise in the profile",
    "madvise, 38, allow madvise in the profile",
    "mincore, 22, the kernel refused the call"
  })
  void refusalNamesItsCause(String call, int errno, String cause) {
    AshmemException e = AshmemException.of(call, LazyMemory.NAME, errno);
    assertEquals(call, e.call());
    assertEquals(errno, e.errno());
    assertTrue(e.getMessage().contains(cause), e.getMessage());
  }

  @Test
  void mappingsThatAreUsedUpAreOutOfMemory() {
    assertInstanceOf(
        AshmemException.OutOfMemory.class,
        AshmemException.of("madvise", LazyMemory.NAME, Errno.EAGAIN));
  }
}
