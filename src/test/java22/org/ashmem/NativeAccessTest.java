// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Java 24 and newer can forbid native access. */
class NativeAccessTest {
  @Test
  void forbiddenAccessSaysWhatToDo() throws Exception {
    List<String> command =
        new ArrayList<>(
            ChildJvm.command(
                List.of("--illegal-native-access=deny"), NativeLibraryTest.Persistent.class));
    command.remove("--enable-native-access=ALL-UNNAMED");
    NativeLibraryTest.assertEachTimeTheSame(
        ChildJvm.run(command),
        "IllegalCallerException",
        "start it with --enable-native-access=ALL-UNNAMED");
  }
}
