//! VNPAY: the payment gateway and the VNPAY-QR merchant terminal. They share a company, not a scheme.

mod pay_ipn;
mod qr_mms;

pub(super) use pay_ipn::PAY_IPN;
pub(super) use qr_mms::QR_MMS;
