// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AshmemExceptionTest {
  @ParameterizedTest
  @CsvSource({
    "1, EPERM, PermissionDenied",
    "5, EIO, AshmemException",
    "9, EBADF, AshmemException",
    "12, ENOMEM, OutOfMemory",
    "13, EACCES, PermissionDenied",
    "14, EFAULT, AshmemException",
    "19, ENODEV, AshmemException",
    "22, EINVAL, AshmemException",
    "23, ENFILE, AshmemException",
    "24, EMFILE, AshmemException",
    "25, ENOTTY, AshmemException",
    "36, ENAMETOOLONG, AshmemException",
    "75, EOVERFLOW, AshmemException",
    "38, ENOSYS, AshmemException",
    "95, EOPNOTSUPP, AshmemException",
    "41, errno 41, AshmemException",
    "4095, errno 4095, AshmemException",
  })
  void eachErrorNumberHasItsNameAndClass(int errno, String name, String type) {
    AshmemException e = AshmemException.of("ASHMEM_PIN", "cache", errno);

    assertAll(
        () -> assertEquals(type, e.getClass().getSimpleName()),
        () -> assertEquals("ASHMEM_PIN", e.call()),
        () -> assertEquals("cache", e.regionName()),
        () -> assertEquals(errno, e.errno()),
        () -> assertEquals(name, e.errnoName()),
        () ->
            assertTrue(
                e.getMessage().startsWith("ASHMEM_PIN on 'cache': " + name + " (" + errno + "), "),
                e.getMessage()));
  }

  @ParameterizedTest
  @CsvSource({
    "2, DeviceMissing, there is no such device",
    "2, DeviceMissing, sudo modprobe ashmem",
    "2, DeviceMissing, --device /dev/ashmem",
    "2, DeviceMissing, -Dorg.ashmem.backend=memfd",
    "6, DeviceMissing, has no driver",
    "19, DeviceMissing, has no driver",
    "25, DeviceMissing, is not the ashmem device",
    "1, PermissionDenied, udev",
    "13, PermissionDenied, 0666",
    "24, AshmemException, ulimit -n",
  })
  void anErrorOfOpenSaysWhatToDo(int errno, String type, String advice) {
    AshmemException e = AshmemException.ofOpen("/dev/ashmem", errno);

    assertEquals(type, e.getClass().getSimpleName());
    assertEquals("open", e.call());
    assertTrue(e.getMessage().contains("/dev/ashmem"), e.getMessage());
    assertTrue(e.getMessage().contains(advice), e.getMessage());
  }

  /** The user of the jar has no checkout of the project. */
  @Test
  void missingDeviceDoesNotSpeakOfTheProject() {
    String message = AshmemException.ofOpen("/dev/ashmem", Errno.ENOENT).getMessage();
    assertFalse(message.contains("./run"), message);
    assertFalse(message.contains("kernel/"), message);
  }

  @ParameterizedTest
  @CsvSource({
    "memfd_create, 38, allow memfd_create",
    "memfd_create, 1, allow memfd_create",
    "ftruncate, 1, allow ftruncate",
    "fcntl, 38, allow fcntl",
    "ASHMEM_SET_SIZE, 1, allow ioctl",
    "ASHMEM_PIN, 38, allow ioctl",
  })
  void callThatASandboxForbidsSaysSo(String call, int errno, String advice) {
    String message = AshmemException.of(call, "cache", errno).getMessage();
    assertTrue(message.contains("sandbox (seccomp)"), message);
    assertTrue(message.contains(advice), message);
  }

  @ParameterizedTest
  @CsvSource({"1", "38"})
  void transferThatASandboxForbidsSaysSo(int errno) {
    String sent = TransferException.ofSend("cache", errno).getMessage();
    assertTrue(sent.contains("allow sendmsg"), sent);
    String received = TransferException.ofReceive(-errno).getMessage();
    assertTrue(received.contains("allow recvmsg"), received);
  }

  @Test
  void memfdThatASysctlForbidsNamesIt() {
    String message = AshmemException.of("memfd_create", "cache", Errno.EACCES).getMessage();
    assertTrue(message.contains("vm.memfd_noexec"), message);
  }

  @Test
  void refusedPurgeNamesTheCapability() {
    AshmemException e = AshmemException.of("ASHMEM_PURGE_ALL_CACHES", "/dev/ashmem", Errno.EPERM);

    assertTrue(e.getMessage().contains("CAP_SYS_ADMIN"), e.getMessage());
  }

  @Test
  void survivesSerialization() throws Exception {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
      out.writeObject(AshmemException.of("mmap", "cache", Errno.ENOMEM));
    }
    try (ObjectInputStream in =
        new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()))) {
      AshmemException.OutOfMemory e = (AshmemException.OutOfMemory) in.readObject();
      assertEquals("mmap", e.call());
      assertEquals("cache", e.regionName());
      assertEquals(Errno.ENOMEM, e.errno());
    }
  }
}
