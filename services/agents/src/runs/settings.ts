/** Configuration of runs. */
import { z } from 'zod'
import { integer, type Setting } from '@clawmesh/chassis'
import { injectionActions } from './message-rules.ts'
import { queueDrops, queueModes } from './queue-modes.ts'

export const runSettings = {
  runLeaseMs: {
    env: ['CLAWMESH_RUN_LEASE_MS'],
    schema: integer(15_000, 1_000),
    about: 'A run whose replica has been silent this long is declared failed by another one',
  },
  runHeartbeatMs: {
    env: ['CLAWMESH_RUN_HEARTBEAT_MS'],
    schema: integer(3_000, 100),
    about: 'How often leases are renewed and lost runs are looked for',
  },
  sessionWaitMs: {
    env: ['CLAWMESH_SESSION_WAIT_MS'],
    schema: integer(300_000, 1),
    about: 'How long a message waits for the turn before it in the same session',
  },
  resumeGraceMs: {
    env: ['CLAWMESH_RESUME_GRACE_MS'],
    schema: integer(60_000, 100),
    about: 'How long a run whose stream can be resumed goes on while nobody reads it',
  },
  queueMode: {
    env: ['CLAWMESH_QUEUE_MODE'],
    file: 'gateway.queue_mode',
    schema: z.enum(queueModes).default('followup'),
    about:
      'What a WebSocket message does to a session that is busy: go into the run (followup), wait for its turn (queue), or end the run (interrupt)',
    live: true,
  },
  queueCap: {
    env: ['CLAWMESH_QUEUE_CAP'],
    schema: integer(10, 1),
    about: 'Messages that wait for their turn in one session of a replica',
  },
  queueDrop: {
    env: ['CLAWMESH_QUEUE_DROP'],
    schema: z.enum(queueDrops).default('new'),
    about: 'Which message is refused when too many wait in a session: the new one, or the oldest',
  },
  queueDebounceMs: {
    env: ['CLAWMESH_QUEUE_DEBOUNCE_MS'],
    schema: integer(800, 0),
    about:
      'Messages that wait in a session, each within so many ms after the one before, have one turn; 0 for one each',
  },
  laneMain: {
    env: ['CLAWMESH_LANE_MAIN', 'GOCLAW_LANE_MAIN'],
    schema: integer(30, 1),
    about:
      'Turns of conversations, channels and wakes that a replica works on at once; open HTTP requests do not count',
  },
  laneSubagent: {
    env: ['CLAWMESH_LANE_SUBAGENT', 'GOCLAW_LANE_SUBAGENT'],
    schema: integer(50, 1),
    about: 'Turns of subagents that a replica works on at once',
  },
  laneTeam: {
    env: ['CLAWMESH_LANE_TEAM', 'GOCLAW_LANE_TEAM', 'GOCLAW_LANE_DELEGATE'],
    schema: integer(100, 1),
    about: 'Turns of team tasks that a replica works on at once',
  },
  laneCron: {
    env: ['CLAWMESH_LANE_CRON', 'GOCLAW_LANE_CRON'],
    schema: integer(30, 1),
    about:
      'Jobs at set times, and turns of schedules and heartbeats, that a replica works on at once; of jobs half for one tenant',
  },
  maxMessageChars: {
    env: ['CLAWMESH_MAX_MESSAGE_CHARS'],
    file: 'gateway.max_message_chars',
    schema: integer(32_000, 1),
    about: 'Longer user messages are cut, with a note to the model',
    live: true,
  },
  injectionAction: {
    env: ['CLAWMESH_INJECTION_ACTION'],
    file: 'gateway.injection_action',
    schema: z.enum(injectionActions).default('warn'),
    about: 'What happens to a message that looks like a prompt injection',
    live: true,
  },
} as const satisfies Record<string, Setting>
