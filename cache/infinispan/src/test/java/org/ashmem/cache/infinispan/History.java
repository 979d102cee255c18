// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.infinispan;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * What clients of a cache did, and whether a cache with near caches may have answered so.
 *
 * <p>The values of a key are numbers, which count up: the writer of n replaces n - 1 by it, on the
 * condition that it is still there. So the order of all values of a key is known, and whether a
 * history is right can be decided by comparing each call with those that were over before it began.
 *
 * <p>These are the rules, for each key:
 *
 * <ul>
 *   <li>{@code INVENTED}: a number that was read was written, or is 0.
 *   <li>{@code SERVER}: reads that asked a server, and writes, are linearizable. A call that begins
 *       after another one is over sees or writes no smaller number, and a write a larger one.
 *   <li>{@code OWN}: a hit is not smaller than a write of the same client that was over before.
 *   <li>{@code INVALIDATED}: what a hit returns was asked for by the same client, and since the
 *       last invalidation that was over before the hit began.
 *   <li>{@code BACK}: what a thread reads does not become smaller.
 * </ul>
 *
 * <p>A hit that is older than another client's write breaks no rule, as long as the invalidation is
 * on its way.
 */
final class History {
  enum Rule {
    INVENTED,
    SERVER,
    OWN,
    INVALIDATED,
    BACK
  }

  enum Kind {
    /** A write that was acknowledged. */
    WRITE,
    /** A read that asked a server. */
    MISS,
    /** A read that the near cache answered. */
    HIT,
    /** The near cache was told to forget a key. */
    INVALIDATION
  }

  /**
   * A call.
   *
   * @param number what was read or written; of an invalidation 0
   * @param asked of a miss, when the near cache had noted that an answer would come, or 0 if it may
   *     not keep the answer
   * @param begin when it began
   * @param end when it was over
   */
  record Call(
      Kind kind, int client, int thread, int key, long number, long begin, long asked, long end) {}

  /** A call that breaks a rule. */
  record Violation(Rule rule, Call call) {}

  private final List<Call> calls;
  private final List<Violation> violations = new ArrayList<>();

  private History(List<Call> calls) {
    this.calls = calls;
  }

  /** Returns all violations of a history, whose calls are in any order. */
  static List<Violation> violations(List<Call> calls) {
    Map<Integer, List<Call>> byKey = calls.stream().collect(Collectors.groupingBy(Call::key));
    List<Violation> all = new ArrayList<>();
    for (List<Call> ofKey : byKey.values()) {
      History history = new History(ofKey);
      history.judge();
      all.addAll(history.violations);
    }
    return all;
  }

  private void judge() {
    judgeNumbers();
    judgeServer();
    Set<Integer> clients = calls.stream().map(Call::client).collect(Collectors.toSet());
    for (int client : clients) {
      judgeHits(calls.stream().filter(call -> call.client() == client).toList());
    }
    calls.stream()
        .filter(call -> call.kind() == Kind.HIT || call.kind() == Kind.MISS)
        .collect(Collectors.groupingBy(Call::thread))
        .values()
        .forEach(this::judgeThread);
  }

  private void judgeNumbers() {
    Map<Long, Long> begun = new HashMap<>();
    for (Call call : calls) {
      if (call.kind() == Kind.WRITE && begun.put(call.number(), call.begin()) != null) {
        violations.add(new Violation(Rule.SERVER, call));
      }
    }
    for (Call call : calls) {
      if ((call.kind() == Kind.HIT || call.kind() == Kind.MISS)
          && call.number() != 0
          && begun.getOrDefault(call.number(), Long.MAX_VALUE) > call.end()) {
        violations.add(new Violation(Rule.INVENTED, call));
      }
    }
  }

  private void judgeServer() {
    List<Call> served =
        calls.stream()
            .filter(call -> call.kind() == Kind.WRITE || call.kind() == Kind.MISS)
            .toList();
    NavigableMap<Long, Long> largest = largestByEnd(served);
    for (Call call : served) {
      long least = before(largest, call.begin());
      if (call.kind() == Kind.WRITE ? call.number() <= least : call.number() < least) {
        violations.add(new Violation(Rule.SERVER, call));
      }
    }
  }

  /** Returns, for each time at which a call was over, the largest number of all until then. */
  private static NavigableMap<Long, Long> largestByEnd(List<Call> some) {
    NavigableMap<Long, Long> largest = new TreeMap<>();
    long until = -1;
    for (Call call : some.stream().sorted(Comparator.comparingLong(Call::end)).toList()) {
      until = Math.max(until, call.number());
      largest.put(call.end(), until);
    }
    return largest;
  }

  private static long before(NavigableMap<Long, Long> byTime, long time) {
    Map.Entry<Long, Long> entry = byTime.lowerEntry(time);
    return entry == null ? -1 : entry.getValue();
  }

  private void judgeHits(List<Call> ofClient) {
    NavigableMap<Long, Long> own =
        largestByEnd(ofClient.stream().filter(call -> call.kind() == Kind.WRITE).toList());
    // When the last invalidation began of those that were over by then.
    NavigableMap<Long, Long> invalidations = new TreeMap<>();
    long last = Long.MIN_VALUE;
    for (Call call :
        ofClient.stream()
            .filter(call -> call.kind() == Kind.INVALIDATION)
            .sorted(Comparator.comparingLong(Call::end))
            .toList()) {
      last = Math.max(last, call.begin());
      invalidations.put(call.end(), last);
    }
    Map<Long, Long> asked = new HashMap<>();
    for (Call call : ofClient) {
      if (call.kind() == Kind.MISS && call.asked() != 0) {
        asked.merge(call.number(), call.asked(), Math::max);
      }
    }
    for (Call call : ofClient) {
      if (call.kind() == Kind.HIT) {
        if (call.number() < before(own, call.begin())) {
          violations.add(new Violation(Rule.OWN, call));
        }
        Map.Entry<Long, Long> invalidated = invalidations.lowerEntry(call.begin());
        Long since = asked.get(call.number());
        if (since == null || (invalidated != null && since < invalidated.getValue())) {
          violations.add(new Violation(Rule.INVALIDATED, call));
        }
      }
    }
  }

  private void judgeThread(List<Call> reads) {
    long largest = -1;
    for (Call call : reads.stream().sorted(Comparator.comparingLong(Call::begin)).toList()) {
      if (call.number() < largest) {
        violations.add(new Violation(Rule.BACK, call));
      }
      largest = Math.max(largest, call.number());
    }
  }
}
