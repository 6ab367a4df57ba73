import type { ClusterSite } from "../sweep/site-config.ts";
import type { Section } from "./probe-sections.ts";
import { ok, problem, said, type SiteCheck, warning } from "./site-check.ts";

type Sections = ReadonlyMap<string, Section>;

/** TensorFlow, Redis and the broker's place. */
export function engineChecks(
  sections: Sections,
  site: Pick<ClusterSite, "tensorflow" | "broker" | "sge">,
): SiteCheck[] {
  return [
    tensorflowCheck(sections.get("tensorflow"), site),
    redisCheck(sections.get("redis"), site.broker),
    ...brokerChecks(sections, site.broker),
  ];
}

function tensorflowCheck(
  section: Section | undefined,
  { tensorflow, sge }: Pick<ClusterSite, "tensorflow" | "sge">,
): SiteCheck {
  const check = "tensorflow";
  const cuda = "Load the site's CUDA build in `setup`, or name its folder as `tensorflow`.";
  const [folder = "", build] = section?.output.split("\n").slice(-2) ?? [];
  if (section?.status !== 0) {
    if (tensorflow !== null) {
      return problem(check, `${tensorflow} holds no libtensorflow_cc.so.2`, cuda);
    }
    if (sge.gpuRule === "none") return ok(check, "none there: set-up sends one from here");
    return warning(check, "none there: set-up sends one for CPUs from here", cuda);
  }
  if (build === "cuda") return ok(check, `${folder} (built for CUDA)`);
  if (sge.gpuRule === "none") return ok(check, folder);
  return warning(check, `${folder} is built for CPUs: GPUs would idle`, cuda);
}

/** Where it is a warning, a set-up sends a redis-server. */
export const REDIS_CHECK = "redis-server";

function redisCheck(
  section: Section | undefined,
  { redisServer, placement }: ClusterSite["broker"],
): SiteCheck {
  const check = REDIS_CHECK;
  if (placement === "url") return ok(check, "not needed: the broker exists");
  if (section?.status === 0) return ok(check, said(section.output).split(" sha=")[0] ?? "");
  if (redisServer !== null) {
    return problem(
      check,
      `${redisServer} does not run: ${said(section?.output ?? "")}`,
      "Correct `broker.redis_server` in the site's file, or leave it out.",
    );
  }
  return warning(check, "none there: set-up brings one", "Or load one in `setup`.");
}

function brokerChecks(
  sections: Sections,
  { placement, url, interface: network }: ClusterSite["broker"],
): SiteCheck[] {
  const check = "broker";
  const plain = "traffic to Redis inside the cluster is not encrypted";
  if (url) {
    const where = `${url.host}:${url.port}`;
    const answered = sections.get("broker")?.status === 0;
    return [
      answered
        ? ok(check, `${where} takes connections; ${plain}`)
        : problem(
            check,
            `${where} does not answer the login host`,
            "Correct `broker.host` and `broker.port`, or start it.",
          ),
      ...passwordChecks(url.passwordFile, sections.get("password")),
    ];
  }
  if (placement === "job") return [ok(check, `a grid job of its own; ${plain}`)];
  const { status, output } = sections.get("interface") ?? { status: 1, output: "" };
  if (status === 0) return [ok(check, `on the login host, ${said(output)}; ${plain}`)];
  return [
    problem(
      check,
      `the login host has no interface or address ${network ?? ""}`,
      "Correct `broker.interface` in the site's file; `ip addr` there lists them.",
    ),
  ];
}

function passwordChecks(file: string | null, section: Section | undefined): SiteCheck[] {
  const check = "broker's password";
  if (file === null) {
    const remedy = "Give it one, and its file as `broker.password_file`.";
    return [warning(check, "none: everybody on the cluster can use the broker", remedy)];
  }
  if (section?.status !== 0) {
    return [problem(check, `${file} cannot be read`, "Correct `broker.password_file`.")];
  }
  if (section.output.endsWith("00")) return [ok(check, file)];
  return [problem(check, `others may read ${file}`, `Run \`chmod 600 ${file}\` there.`)];
}
