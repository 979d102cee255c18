-- SPDX-License-Identifier: Apache-2.0
-- Reading a value without a pin, by the memory model of Armv8. The class Segment has the protocol in Java. x86 orders more.
--
-- A page has a marker and a payload, of which one word stands here for each of them: what holds for one holds for all. Its
-- memory has one use after the other. A use stores a new marker, a store-store fence, the payload, and then lets go of the log's
-- lock. Later it publishes its node by another lock, that of a stripe of the index. A purge by the kernel is such a use, too: its
-- marker is zero, and nobody looks for its node. The kernel takes a page as a whole, so this allows more than what happens. A reader
-- finds the node of a use. Then it loads the payload, a load-load fence, and the marker. If that is the marker of the use, the payload has to be its own. The reader's look at the marker
-- before the payload only saves work.
--
-- The model is that of the Arm Architecture Reference Manual (other-multi-copy atomic), without what no event here has:
-- dependencies, atomic updates, DMB SY. Each use and the reader have a thread of their own. Both allow more than what happens.
--
--   java -jar org.alloytools.alloy.dist.jar exec -c '*' reading.als
module reading

open util/ordering[Use]

abstract sig Location {}
one sig Marker, Payload, Lock, Stripe extends Location {}

abstract sig Event {}
abstract sig Fence extends Event {}
sig LoadFence, StoreFence extends Fence {} -- DMB ISHLD, DMB ISHST
abstract sig Access extends Event { location: one Location }
sig Read extends Access { from: one Write }
sig Write extends Access { co: set Write } -- coherence order: the later writes to the location

-- Which of them are really there: the others are as if they were not written, or plain.
sig Present in Fence {}
sig Acquire in Read {} -- LDAPR or LDAR
sig Release in Write {} -- STLR

-- One use of the memory: by a writer, or a purge.
sig Use {
  begin: disj lone Read,
  marker: disj one Write,
  between: disj one StoreFence,
  payload: disj one Write,
  end: disj one Write,
  publish: disj one Write
}

one sig Reader {
  use: one Use,
  find: one Read,
  load: one Read,
  between: one LoadFence,
  again: one Read
}

-- Program order.
fun po: Event -> Event {
  { a, b: Event |
    (some u: Use |
      a = u.begin and b in u.(marker + Use <: between + payload + end + publish) or
      a = u.marker and b in u.(Use <: between + payload + end + publish) or
      a = u.(Use <: between) and b in u.(payload + end + publish) or
      a = u.payload and b in u.(end + publish) or
      a = u.end and b = u.publish) or
    a = Reader.find and b in Reader.(load + Reader <: between + again) or
    a = Reader.load and b in Reader.(Reader <: between + again) or
    a = Reader.(Reader <: between) and b = Reader.again }
}

fact events {
  Event = Use.(begin + marker + Use <: between + payload + end + publish) + Reader.(find + load + Reader <: between + again)
  no Reader.(find + load + again) & Use.begin
  disj[Reader.find, Reader.load, Reader.again]
  no Use.marker & Use.payload
  no Use.end & Use.publish
  Use.marker.location = Marker
  Use.payload.location = Payload
  Use.(begin + end).location = Lock
  Use.publish.location = Stripe
  Reader.find.location = Stripe
  Reader.load.location = Payload
  Reader.again.location = Marker
}

fact communication {
  all disj a, b: Write | a.location = b.location iff (a in b.co or b in a.co)
  no iden & co
  co.co in co
  all r: Read | r.location = r.from.location
}

fact order_of_uses {
  Use.(end + publish) in Release
  Use.begin in Acquire
  no first.begin
  all u: Use - first | one u.begin and u.begin.from = u.prev.end
}

fun rf: Write -> Read { ~from }
fun fr: Read -> Write { from.co }

-- Both are of one thread.
fun internal: Event -> Event { po + ~po }

-- Barrier-ordered-before.
fun bob: Event -> Event {
  (Read <: po :> (LoadFence & Present)).po
    + (Write <: po :> (StoreFence & Present)).(po :> Write)
    + Acquire <: po
    + po :> Release
}

pred acyclic[r: Event -> Event] { no iden & ^r }

fact armv8 {
  acyclic[(po & location.~location) + rf + fr + co] -- internal visibility
  acyclic[((rf + fr + co) - internal) + bob] -- external visibility
}

pred found { Reader.again.from = Reader.use.marker }
pred right { Reader.load.from = Reader.use.payload }
pred published { Reader.find.from = Reader.use.publish and Reader.find in Acquire }
pred fenced { Fence in Present }

-- The promise.
check intact { (published and fenced and found) implies right }
  for exactly 3 Use, exactly 5 Read, exactly 12 Write, exactly 1 LoadFence, exactly 3 StoreFence, 0 Int expect 0

-- It can be kept while the memory is used again, and a reader can come too late.
run found_beside_the_next_use { published and fenced and found and Reader.use != last }
  for exactly 3 Use, exactly 5 Read, exactly 12 Write, exactly 1 LoadFence, exactly 3 StoreFence, 0 Int expect 1
run lost { published and fenced and not found and not right }
  for exactly 3 Use, exactly 5 Read, exactly 12 Write, exactly 1 LoadFence, exactly 3 StoreFence, 0 Int expect 1

-- Nothing of it is there in vain.
run wrong_without_the_fence_of_the_reader { published and StoreFence in Present and found and not right }
  for exactly 3 Use, exactly 5 Read, exactly 12 Write, exactly 1 LoadFence, exactly 3 StoreFence, 0 Int expect 1
run wrong_without_the_fences_of_the_writers { published and LoadFence in Present and found and not right }
  for exactly 3 Use, exactly 5 Read, exactly 12 Write, exactly 1 LoadFence, exactly 3 StoreFence, 0 Int expect 1
run wrong_without_the_lock { Reader.find.from = Reader.use.publish and fenced and found and not right }
  for exactly 3 Use, exactly 5 Read, exactly 12 Write, exactly 1 LoadFence, exactly 3 StoreFence, 0 Int expect 1
