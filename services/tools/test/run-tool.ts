import { catalogue } from '../src/builtin-tools/catalogue.ts'
import type { ToolContext, ToolResult } from '../src/tool/tool.ts'

/** Runs a tool as `invokeTool` would after its checks; what it throws comes through. */
export const runTool = (name: string, args: Record<string, unknown>, context: ToolContext): Promise<ToolResult> => {
  const tool = catalogue.find((entry) => entry.name === name)?.tool
  if (!tool) throw new Error(`no tool ${name}`)
  // As there, what the context holds is inherited: a copy of it would hold nothing.
  return tool.run(tool.parameters.parse(args), Object.create(context) as ToolContext)
}

/** The text of the error that a tool throws. */
export const toolRefusal = (name: string, args: Record<string, unknown>, context: ToolContext): Promise<string> =>
  runTool(name, args, context).then(
    ({ output }) => Promise.reject(new Error(`${name} did not fail: ${output}`)),
    (thrown: unknown) => (thrown instanceof Error ? thrown.message : String(thrown)),
  )
