//! Threads with a low priority, for renders of the past beside live runs. They are threads of their own: a thread of
//! GStreamer's shared pool would keep the priority, and a process without privileges cannot raise it again.

use std::thread::JoinHandle;

use gst::glib;
use gst::prelude::*;
use gstreamer as gst;

use crate::base::background;

/// A pool whose threads have a low priority.
pub(super) fn pool() -> gst::TaskPool {
    glib::Object::new::<Pool>().upcast()
}

/// Runs the task of a message about a new streaming thread in `pool`. Called before the task starts.
pub(super) fn move_to(pool: &gst::TaskPool, status: &gst::message::StreamStatus) {
    let task = status.stream_status_object().and_then(|object| object.get::<gst::Task>().ok());
    if let Some(task) = task.filter(|_| status.type_() == gst::StreamStatusType::Create) {
        task.set_pool(pool);
    }
}

glib::wrapper! {
    struct Pool(ObjectSubclass<implementation::Pool>) @extends gst::TaskPool, gst::Object;
}

/// Joins the thread.
struct Handle(JoinHandle<()>);

impl gst::TaskHandle for Handle {
    fn join(self) {
        // A panic of the thread has been reported by its callback.
        let _ = self.0.join();
    }
}

mod implementation {
    use gst::subclass::TaskPoolFunction;
    use gst::subclass::prelude::*;

    use super::*;

    #[derive(Default)]
    pub(super) struct Pool;

    #[glib::object_subclass]
    impl ObjectSubclass for Pool {
        const NAME: &'static str = "BarstoneBackgroundPool";
        type Type = super::Pool;
        type ParentType = gst::TaskPool;
    }

    impl ObjectImpl for Pool {}
    impl GstObjectImpl for Pool {}

    impl TaskPoolImpl for Pool {
        type Handle = Handle;

        fn push(&self, task: TaskPoolFunction) -> Result<Option<Handle>, glib::Error> {
            let started = background::spawn("archive", move || task.call());
            let failed = |error: std::io::Error| glib::Error::new(gst::CoreError::Failed, &error.to_string());
            started.map(|thread| Some(Handle(thread))).map_err(failed)
        }
    }
}
