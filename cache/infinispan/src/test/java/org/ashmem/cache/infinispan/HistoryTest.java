// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.infinispan;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.ashmem.cache.infinispan.History.Call;
import org.ashmem.cache.infinispan.History.Kind;
import org.ashmem.cache.infinispan.History.Rule;
import org.ashmem.cache.infinispan.History.Violation;
import org.junit.jupiter.api.Test;

/** Right histories, and wrong ones, which must be found. */
class HistoryTest {
  private final List<Call> calls = new ArrayList<>();

  private void call(Kind kind, int client, long number, long begin, long end) {
    calls.add(new Call(kind, client, client, 1, number, begin, begin, end));
  }

  private void judged(Rule... expected) {
    Collections.shuffle(calls, new Random(calls.size()));
    assertEquals(
        List.of(expected), History.violations(calls).stream().map(Violation::rule).toList());
  }

  @Test
  void rightHistoryHasNoViolation() {
    call(Kind.MISS, 1, 0, 1, 3);
    call(Kind.HIT, 1, 0, 4, 5);
    call(Kind.WRITE, 2, 1, 4, 8);
    call(Kind.HIT, 1, 0, 10, 11); // the invalidation is on its way
    call(Kind.MISS, 2, 1, 10, 12);
    call(Kind.INVALIDATION, 1, 0, 12, 13);
    call(Kind.MISS, 1, 1, 14, 20);
    call(Kind.HIT, 1, 1, 21, 22);
    judged();
  }

  @Test
  void callsAtTheSameTimeMayBeInAnyOrder() {
    call(Kind.WRITE, 1, 1, 1, 10);
    call(Kind.MISS, 2, 1, 2, 3);
    call(Kind.MISS, 3, 0, 2, 3);
    call(Kind.MISS, 4, 0, 1, 9);
    call(Kind.MISS, 4, 1, 10, 11);
    judged();
  }

  @Test
  void missThatIsOlderThanAWriteIsFound() {
    call(Kind.WRITE, 1, 1, 1, 2);
    call(Kind.MISS, 2, 0, 3, 4);
    judged(Rule.SERVER);
  }

  @Test
  void missThatIsOlderThanAnotherOneIsFound() {
    call(Kind.WRITE, 1, 1, 1, 9);
    call(Kind.MISS, 2, 1, 2, 3);
    call(Kind.MISS, 3, 0, 4, 5);
    judged(Rule.SERVER);
  }

  @Test
  void writesInTheWrongOrderAreFound() {
    call(Kind.WRITE, 1, 2, 1, 2);
    call(Kind.WRITE, 2, 1, 3, 4);
    judged(Rule.SERVER);
  }

  @Test
  void numberThatWasWrittenTwiceIsFound() {
    call(Kind.WRITE, 1, 1, 1, 4);
    call(Kind.WRITE, 2, 1, 2, 3);
    judged(Rule.SERVER);
  }

  @Test
  void numberThatNobodyWroteIsFound() {
    call(Kind.WRITE, 1, 1, 1, 2);
    call(Kind.MISS, 2, 7, 3, 4);
    judged(Rule.INVENTED);
  }

  @Test
  void numberThatIsReadBeforeItIsWrittenIsFound() {
    call(Kind.WRITE, 1, 1, 5, 6);
    call(Kind.MISS, 2, 1, 1, 4);
    judged(Rule.INVENTED, Rule.SERVER);
  }

  @Test
  void hitThatIsOlderThanAWriteOfItsOwnIsFound() {
    call(Kind.MISS, 1, 0, 1, 2);
    call(Kind.WRITE, 1, 1, 3, 4);
    call(Kind.HIT, 1, 0, 5, 6);
    judged(Rule.OWN);
  }

  @Test
  void hitThatIsOlderThanAnInvalidationIsFound() {
    call(Kind.MISS, 1, 0, 1, 2);
    call(Kind.INVALIDATION, 1, 0, 3, 4);
    call(Kind.HIT, 1, 0, 5, 6);
    judged(Rule.INVALIDATED);
  }

  @Test
  void hitThatWasAskedForBeforeAnInvalidationIsFound() {
    call(Kind.MISS, 1, 0, 1, 8);
    call(Kind.INVALIDATION, 1, 0, 3, 4);
    call(Kind.HIT, 1, 0, 9, 10);
    judged(Rule.INVALIDATED);
  }

  @Test
  void hitOfWhatWasNotToBeKeptIsFound() {
    calls.add(new Call(Kind.MISS, 1, 1, 1, 0, 1, 0, 2));
    call(Kind.HIT, 1, 0, 3, 4);
    judged(Rule.INVALIDATED);
  }

  @Test
  void hitOfWhatAnotherClientAskedForIsFound() {
    call(Kind.MISS, 2, 0, 1, 2);
    call(Kind.HIT, 1, 0, 3, 4);
    judged(Rule.INVALIDATED);
  }

  @Test
  void threadThatReadsBackwardsIsFound() {
    call(Kind.WRITE, 2, 1, 1, 9);
    call(Kind.MISS, 1, 0, 1, 2);
    call(Kind.MISS, 1, 1, 3, 4);
    call(Kind.HIT, 1, 0, 5, 6);
    judged(Rule.BACK);
  }
}
