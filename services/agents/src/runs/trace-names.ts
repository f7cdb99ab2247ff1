/** What traces of runs are called that nobody asked for in a chat. */

/** How a trace is called, and by which tags it is found; one that says nothing is named after its agent. */
export interface TraceAs {
  name: string
  tags?: readonly string[]
}

export const cronTrace = (jobName: string, agentKey: string): TraceAs => ({
  name: `Cron [${jobName}] - ${agentKey}`,
  tags: ['cron'],
})

export const heartbeatTrace = (agentKey: string): TraceAs => ({ name: `Heartbeat [${agentKey}]` })
