# The base is an argument so that it can be pinned by digest, or come from a mirror:
# `docker build --build-arg NODE_IMAGE=node:24-bookworm-slim@sha256:…`, where
# `docker buildx imagetools inspect node:24-bookworm-slim` says the digest.
ARG NODE_IMAGE=node:24-bookworm-slim

# Builds dist/. No install script is needed for that, so none is run.
FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY nest-cli.json .swcrc tsconfig.json tsconfig.build.json ./
COPY migrations migrations
COPY deploy/postgres deploy/postgres
COPY src src
RUN npm run build

FROM ${NODE_IMAGE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
# Optional as well: they are the compiler, which @nestjs/swagger would use if it were there, and pg's driver
# for Cloudflare.
RUN npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund

FROM ${NODE_IMAGE}
ENV NODE_ENV=production \
    HOST=0.0.0.0 \
    PUBLIC_HOST=0.0.0.0 \
    SPOOL_DIR=/var/lib/stitch-token-vault/spool
# A new named volume takes over the owner and mode of the directory it covers.
RUN install -d -o node -g node -m 0700 /var/lib/stitch-token-vault /var/lib/stitch-token-vault/spool
WORKDIR /app
# package.json stays: its "imports" and "type" are read at run time.
COPY package.json ./
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /app/dist dist
USER node
VOLUME /var/lib/stitch-token-vault
EXPOSE 3000 3001
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["node", "-e", "const s=process.env.TLS_CERT_FILE?'https':'http';require('node:'+s).get({host:'127.0.0.1',port:process.env.PORT||3000,path:'/health/live',rejectUnauthorized:false},(r)=>process.exit(r.statusCode===200?0:1)).on('error',()=>process.exit(1))"]
CMD ["node", "dist/main.js"]
