/** What traces of runs are called that nobody asked for in a chat. */

/** How a trace is called, and by which tags it is found; one that says nothing is named after its agent. */
export interface TraceAs {
  name: string
  tags?: readonly string[]
}

export const chatTrace = (agentKey: string): TraceAs => ({ name: `chat ${agentKey}` })

export const cronTrace = (jobName: string, agentKey: string): TraceAs => ({
  name: `Cron [${jobName}] - ${agentKey}`,
  tags: ['cron'],
})

export const heartbeatTrace = (agentKey: string): TraceAs => ({ name: `Heartbeat [${agentKey}]` })

/** What the row of a run says of what it is. */
interface RunKind {
  channel: string
  agentKey: string
  /** Of the job that it is of, if it is of one. */
  jobName: string | null
}

/** Of a run, by its row: whoever reads it does not work on it. */
export const traceOfRow = ({ channel, agentKey, jobName }: RunKind): TraceAs => {
  if (jobName !== null) return cronTrace(jobName, agentKey)
  return channel === 'heartbeat' ? heartbeatTrace(agentKey) : chatTrace(agentKey)
}
