/** How a model that a provider serves is found among things that are listed by the names of models. */
import { modelCatalogue, type CatalogueModel } from './catalogue.ts'

/** The day of a model's release at the end of its name. */
const dated = /-(?:\d{4}-\d{2}-\d{2}|\d{8})$/

/**
 * The names under which a model may be listed, in lower case and in their order: as it is named, then without the day of
 * its release; each as the provider's own, then as anybody's. A model named by its maker, `maker/model`, is the model.
 * @param provider empty for anybody's
 */
export const listedNames = (provider: string, model: string): string[] => {
  const asked = model.toLowerCase()
  const names = [...new Set([asked, asked.replace(dated, '')])]
  return provider === '' ? names : names.flatMap((name) => [`${provider.toLowerCase()}/${name}`, name])
}

/** What is known of models, by each of their names. */
export const catalogueByName: ReadonlyMap<string, CatalogueModel> = new Map(
  modelCatalogue.flatMap((model) => [model.name, ...model.aliases].map((name) => [name, model] as const)),
)

/** What is known of a model, undefined for nothing. @param provider its name, empty for anybody's */
export const knownModel = (provider: string, model: string): CatalogueModel | undefined => {
  for (const name of listedNames(provider, model)) {
    const known = catalogueByName.get(name)
    if (known !== undefined) return known
  }
  return undefined
}
