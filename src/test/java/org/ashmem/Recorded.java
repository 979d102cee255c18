// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;

/** Records the Flight Recorder events of a piece of work. */
final class Recorded {
  interface Work {
    void run() throws Exception;
  }

  private Recorded() {}

  /** Records all events of the library, even the shortest, and returns those of one region. */
  static List<RecordedEvent> all(String regionName, Work work) throws Exception {
    try (Recording recording = new Recording()) {
      for (String each : List.of("Map", "Pin", "Unpin", "PurgeFound", "Close", "Leak")) {
        recording.enable("org.ashmem." + each).withoutThreshold();
      }
      return run(recording, regionName, work);
    }
  }

  /** Records with the default settings of all events. */
  static List<RecordedEvent> byDefault(String regionName, Work work) throws Exception {
    try (Recording recording = new Recording()) {
      return run(recording, regionName, work);
    }
  }

  private static List<RecordedEvent> run(Recording recording, String regionName, Work work)
      throws Exception {
    recording.start();
    work.run();
    recording.stop();
    return read(recording).stream()
        .filter(event -> event.getEventType().getName().startsWith("org.ashmem."))
        .filter(event -> event.getString("regionName").equals(regionName))
        .toList();
  }

  private static List<RecordedEvent> read(Recording recording) throws IOException {
    Path file = Files.createTempFile("ashmem", ".jfr");
    try {
      recording.dump(file);
      return RecordingFile.readAllEvents(file);
    } finally {
      Files.delete(file);
    }
  }

  /** Returns the event as one line, without its times. */
  static String line(RecordedEvent event) {
    StringBuilder line = new StringBuilder(event.getEventType().getName());
    for (String field : List.of("kind", "mode", "offset", "length", "purged", "creation")) {
      if (event.hasField(field)) {
        line.append(' ').append(field).append('=').append(event.<Object>getValue(field));
      }
    }
    return line.toString();
  }
}
