# The base is named by its tag: its digest has to come from the registry that you build from, and a bot that
# renews it belongs to your own copy. To pin it: `docker build --build-arg BASE=node:24-bookworm-slim@sha256:…`.
ARG BASE=node:24-bookworm-slim

FROM ${BASE} AS build
WORKDIR /app
# The packages first: they change seldom, and this layer is then taken from the cache.
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY scripts ./scripts
COPY src ./src
# The list of all packages in the image, for auditors.
RUN npm run --silent sbom > sbom.json
RUN npm run build && npm prune --omit=dev --ignore-scripts --no-audit --no-fund

FROM ${BASE}
# Inside a container only the network of the containers can reach it, so it listens on all addresses;
# a node that does so refuses to start without an INTERNAL_TOKEN, and without an AUTH_FILE unless OPEN is true.
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8000 DATA_DIR=/data
# The map in pages of 2 MiB, where the machine lends them: docs/operate.md tells what they gain.
ENV GLIBC_TUNABLES=glibc.malloc.hugetlb=1
WORKDIR /app
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY --from=build /app/sbom.json ./
COPY package.json LICENSE ./
COPY docker ./docker
# `docker exec CONTAINER hearsay …` works as it does outside.
RUN chmod 755 dist/program/main.js && ln -s /app/dist/program/main.js /usr/local/bin/hearsay
# A new volume takes its owner from here, so that the container may also be started with `--user node`.
RUN mkdir /data && chown node:node /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=5s --timeout=4s --start-period=60s --retries=3 \
  CMD ["node", "/app/docker/health.mjs"]
ENTRYPOINT ["/app/docker/entry-point.sh"]
CMD ["serve"]
