import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { Failure } from "../contract/failure.ts";
import { type Environment, hubCache, hubHome } from "../files/hub-models.ts";

export interface HubSettings {
  /** Where the hub answers, without a slash at its end. */
  endpoint: string;
  /** Sent to the endpoint's own origin only. */
  token: string | null;
  /** Folder of downloaded models, shared with Hugging Face's own tools. */
  cache: string;
}

/**
 * The hub as Hugging Face's tools find it: `HF_ENDPOINT`; the token in `HF_TOKEN`, the file
 * `HF_TOKEN_PATH` or `HF_HOME/token`; the cache `HF_HUB_CACHE` or `HF_HOME/hub`. There is no default
 * endpoint. Throws Failure `usage` for settings that are no such thing, without showing a token.
 */
export function hubSettings(environment: Environment): HubSettings {
  const set = (name: string) => environment[name]?.trim() || undefined;
  const tokenFile = set("HF_TOKEN_PATH") ?? path.join(hubHome(environment), "token");
  const token = set("HF_TOKEN") ?? storedToken(tokenFile);
  if (token !== null && !/^[\x21-\x7e]+$/.test(token)) {
    throw misused("the hub's token holds characters that no token has", "set HF_TOKEN anew");
  }
  return {
    endpoint: endpointOf(set("HF_ENDPOINT")),
    token,
    cache: hubCache(environment),
  };
}

function endpointOf(given: string | undefined): string {
  if (given === undefined) {
    throw misused(
      "HF_ENDPOINT is not set, and no hub is built in",
      "set it to the address of your hub, such as https://hub.example.org",
    );
  }
  const url = URL.canParse(given) ? new URL(given) : null;
  const isWeb = url?.protocol === "https:" || url?.protocol === "http:";
  if (!isWeb || url.username !== "" || url.search !== "" || url.hash !== "") {
    throw misused("HF_ENDPOINT is no address of a hub", "set it to one that begins with https://");
  }
  return url.href.replace(/\/+$/, "");
}

function storedToken(file: string): string | null {
  return existsSync(file) ? readFileSync(file, "utf8").trim() || null : null;
}

function misused(message: string, remedy: string): Failure {
  return new Failure({ reason: "usage", message, remedy });
}
