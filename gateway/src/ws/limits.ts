/** How much and how long a connection may keep us busy. The constants that clients rely on are the protocol's. */
export const socketLimits = {
  /** A message above this ends its connection with 1009. */
  frameBytes: 524_288,
  /** Frames that wait for a slow reader; beyond it events are dropped, and at four times as many the connection ends. */
  queueFrames: 256,
  /** Bytes that wait for a slow reader, under the same rules. */
  queueBytes: 4_194_304,
  pingEveryMs: 30_000,
  /** Silence after which a connection is dead. */
  readDeadlineMs: 60_000,
  /** How long the network may take none of what waits. */
  writeDeadlineMs: 10_000,
  /** How long a connection may go without having said who it is. */
  connectDeadlineMs: 15_000,
  /** How long a browser may wait to be paired; its code is void by then. */
  pairingDeadlineMs: 3_600_000,
  /** How long the other side may take to answer a close. */
  closeMs: 2_000,
  /** Requests of one connection that are worked on at once. */
  openRequests: 64,
  /** Requests a connection may make at once after a pause, and the pause that gives one back. */
  requestBurst: 100,
  requestIntervalMs: 20,
  /** Pairing codes that one address may ask for at once, and the pause that gives one back. */
  pairingBurst: 5,
  pairingIntervalMs: 6_000,
  /** The same for questions how a pairing stands; clients ask every two or three seconds. */
  pairingStatusBurst: 20,
  pairingStatusIntervalMs: 1_000,
  /** How often what only time tells is looked at. */
  sweepMs: 1_000,
  /** After this long who is connected is asked again, though nobody said that anything changed. */
  recheckMs: 60_000,
}

export type SocketLimits = typeof socketLimits
