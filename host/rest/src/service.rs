//! The API without sockets: from a request to its answer. The server puts connections before it.
//!
//! Law: as the server's: whatever the request, there is an answer with a body.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{Request, Response};
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use sandbar_model::Clock;
use sandbar_rpc::DispatcherGateway;

use crate::call::Api;
use crate::openapi::openapi;
use crate::options::RestLimits;
use crate::router::{Shared, router};

/// The REST API of a cluster, for whoever has requests of their own.
#[derive(Clone, Debug)]
pub struct RestService {
    router: Router,
}

impl RestService {
    /// Makes the API of the cluster behind `gateway`, which says of itself that it is at `address`:
    /// `http://host:port`.
    pub fn new(
        limits: RestLimits,
        gateway: Arc<dyn DispatcherGateway>,
        clock: Arc<dyn Clock>,
        address: String,
    ) -> RestService {
        let api = Api { gateway, clock, address, openapi: openapi() };
        RestService { router: router(&Arc::new(Shared::new(api, limits))) }
    }

    /// Answers a request. Needs a tokio runtime with time, and uses its threads that may block.
    pub async fn answer(&self, request: Request<Bytes>) -> Response<Bytes> {
        let service = TowerToHyperService::new(self.router.clone());
        let (parts, body) = match service.call(request.map(Body::from)).await {
            Ok(response) => response.into_parts(),
            Err(never) => match never {},
        };
        // Answers are made in memory, so there is nothing to fail.
        let bytes = to_bytes(body, usize::MAX).await.unwrap_or_default();
        Response::from_parts(parts, bytes)
    }

    pub(crate) fn into_router(self) -> Router {
        self.router
    }
}
