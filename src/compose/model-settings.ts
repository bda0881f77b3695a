import type { Config } from "../config.ts";
import type { ModelConfiguration } from "../kit/models/model.ts";

/** What the variables say about models. */
export function modelSettings(config: Config): ModelConfiguration {
  return {
    apiKey: config.openaiApiKey,
    baseUrl: config.openaiBaseUrl,
    model: config.openaiModel,
    fallbacks: config.modelFallbacks,
    requestsPerMinute: config.modelRequestsPerMinute,
    tokensPerMinute: config.modelTokensPerMinute,
    windows: config.modelWindows,
    cacheMs: config.modelCacheSeconds === 0 ? undefined : config.modelCacheSeconds * 1000,
    prices: config.modelPrices,
  };
}
