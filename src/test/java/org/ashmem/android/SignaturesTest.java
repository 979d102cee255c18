// SPDX-License-Identifier: Apache-2.0
package org.ashmem.android;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Compares the classes with those of Android, by the list of their signatures. docs/ANDROID.md
 * gives the reason for each difference here.
 */
class SignaturesTest {
  /** What only Android has. It hides the last five from programs. */
  private static final Set<String> MISSING =
      Set.of(
          "SharedMemory: implements Parcelable",
          "SharedMemory: public static final Parcelable$Creator<SharedMemory> CREATOR",
          "SharedMemory: public int describeContents()",
          "SharedMemory: public void writeToParcel(Parcel, int)",
          "SharedMemory: public static SharedMemory fromFileDescriptor(ParcelFileDescriptor)",
          "SharedMemory: public ParcelFileDescriptor getFdDup() throws java.io.IOException",
          "SharedMemory: public java.io.FileDescriptor getFileDescriptor()",
          "SharedMemory: public int getFd()",
          "MemoryFile: public java.io.FileDescriptor getFileDescriptor() throws java.io.IOException",
          "MemoryFile: public static int getSize(java.io.FileDescriptor) throws java.io.IOException");

  /** What only the classes here have. */
  private static final Set<String> ADDED =
      Set.of(
          "SharedMemory: public static SharedMemory fromFileDescriptor(org.ashmem.RegionDescriptor)",
          "SharedMemory: public org.ashmem.RegionDescriptor getFdDup() throws java.io.IOException",
          "MemoryFile: implements java.io.Closeable",
          "ErrnoException: public final String functionName");

  @ParameterizedTest
  @ValueSource(strings = {"27", "36", "37"})
  void everySignatureOfAndroidIsHere(String level) throws Exception {
    SortedSet<String> missing = new TreeSet<>();
    SortedSet<String> allowed = new TreeSet<>();
    SortedMap<String, SortedSet<String>> android = Signatures.ofAndroid();
    for (String line : android.keySet()) {
      if (android.get(line).contains(level)) {
        missing.add(line);
        if (MISSING.contains(line)) {
          allowed.add(line);
        }
      }
    }
    assertTrue(missing.size() > 100, () -> "the list has few lines of level " + level);
    missing.removeAll(Signatures.here());
    assertEquals(allowed, missing);
  }

  @Test
  void nothingIsAddedUnnoticed() throws Exception {
    SortedSet<String> added = Signatures.here();
    added.removeAll(Signatures.ofAndroid().keySet());
    assertEquals(new TreeSet<>(ADDED), added);
  }

  @Test
  void everyDifferenceIsOneOfAndroids() throws Exception {
    SortedSet<String> unknown = new TreeSet<>(MISSING);
    unknown.removeAll(Signatures.ofAndroid().keySet());
    assertEquals(Set.of(), unknown);
  }
}
